package main

import (
	"reflect"
	"testing"
)

func TestParsePlan(t *testing.T) {
	plan := `Reading package lists...
Inst libc6 (2.36-9+deb12u14 Debian:12.11/oldstable [amd64]) []
Inst git:arm64 (1:2.39.5-0+deb12u3 Debian:12.11/oldstable [arm64])
Conf libc6 (2.36-9+deb12u14 Debian:12.11/oldstable [amd64])
`
	want := []deb{{name: "libc6", version: "2.36-9+deb12u14"}, {name: "git", version: "1:2.39.5-0+deb12u3"}}
	if got := parsePlan(plan); !reflect.DeepEqual(got, want) {
		t.Errorf("parsePlan = %v, want %v", got, want)
	}
}
