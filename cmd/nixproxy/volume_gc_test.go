package main

import (
	"errors"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"30d": 30 * 24 * time.Hour, "1d": 24 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute, "1s": time.Second,
		"": 0, "d": 0, "0d": 0, "0": 0, "-1d": 0, "1.5d": 0, "30": 0, "70000d": 0, "soon": 0, "-2h": 0,
	} {
		if got, err := parseAge(text); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestCollectFlags(t *testing.T) {
	f := gcFlags{plan: agentapi.GCPlan{KeepImages: 1}}
	err := errors.Join(f.setMaxSize("2g"), f.setOlderThan("2d"), f.check())
	if err != nil || f.plan.MaxSize != 2<<30 || f.plan.OlderThan != 48*time.Hour {
		t.Errorf("%+v, %v", f.plan, err)
	}
}
