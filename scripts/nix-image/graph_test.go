package main

import (
	"reflect"
	"testing"
)

func TestComponents(t *testing.T) {
	edges := map[string]map[string]bool{
		"nix":    {"curl": true, "libc": true},
		"curl":   {"libc": true, "curl": true},
		"libc":   {"libgcc": true},
		"libgcc": {"libc": true},
		"perl":   {"libc": true},
	}
	want := [][]string{{"libc", "libgcc"}, {"curl"}, {"nix"}}
	if got := components([]string{"nix", "libc"}, edges); !reflect.DeepEqual(got, want) {
		t.Errorf("components = %v, want %v: cycles joined, needs first, nothing that is not needed", got, want)
	}
}
