package proxy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/project"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/settings"
	"github.com/nixproxy/nixproxy/internal/version"
	"github.com/nixproxy/nixproxy/internal/volume"
)

func aSpec() *spec {
	return &spec{
		endpoint: engine.Endpoint{Address: "unix:///a", Origin: "found"},
		nix:      version.Nix{Version: "2.26.3", Flavour: version.FlavourNix},
		source:   image.Source{Template: "t", Registry: "r", Platform: "linux/amd64"},
		volume:   "v",
		project:  project.Project{Root: "/p", Mounts: []project.Mount{{Source: "/p", Target: "/p"}, {Source: "/g", Target: "/g"}}, Dir: "/p/sub", Safe: []string{"/p"}},
		config:   configuration{nix: "experimental-features = flakes", secrets: session.Secrets{Nix: "access-tokens = a=b\n", Netrc: []byte("machine m")}},
	}
}

// Each thing that makes another container must be remembered in another file.
func TestStateFileChangesWithEachInput(t *testing.T) {
	seen := map[string]string{}
	for name, change := range map[string]func(*spec){
		"nothing":      func(*spec) {},
		"engine":       func(w *spec) { w.endpoint.Address = "unix:///b" },
		"version":      func(w *spec) { w.nix.Version = "2.26.4" },
		"flavour":      func(w *spec) { w.nix.Flavour = version.FlavourLix },
		"image":        func(w *spec) { w.source.Template = "u" },
		"registry":     func(w *spec) { w.source.Registry = "" },
		"platform":     func(w *spec) { w.source.Platform = "" },
		"volume":       func(w *spec) { w.volume = "" },
		"mounts":       func(w *spec) { w.project.Mounts = w.project.Mounts[:1] },
		"source":       func(w *spec) { w.project.Mounts[1].Source = "/h" },
		"target":       func(w *spec) { w.project.Mounts[1].Target = "/h" },
		"read-only":    func(w *spec) { w.project.Mounts[1].ReadOnly = true },
		"safe":         func(w *spec) { w.project.Safe = nil },
		"memory":       func(w *spec) { w.limits.Memory = 1 },
		"processors":   func(w *spec) { w.limits.NanoCPUs = 1 },
		"moved across": func(w *spec) { w.source.Template, w.source.Registry = "r", "t" },
	} {
		w := aSpec()
		change(w)
		file := w.stateFile()
		if other, ok := seen[file]; ok {
			t.Errorf("%s and %s share a state file", name, other)
		}
		seen[file] = name
		if !strings.HasPrefix(file, "proxies/") || !strings.HasSuffix(file, ".json") || strings.Count(file, "/") != 1 {
			t.Errorf("%s: %s", name, file)
		}
	}
	for name, change := range map[string]func(*spec){
		"where the address came from": func(w *spec) { w.endpoint.Origin = "--host" },
		"the directory to start in":   func(w *spec) { w.project.Dir = "/p" },
		"when to pull":                func(w *spec) { w.source.Pull = image.PullAlways },
		"the configuration":           func(w *spec) { w.config = configuration{} },
		"a note":                      func(w *spec) { w.project.Note = "n" },
		"the host's binary":           func(w *spec) { w.nix.Binary = "/nix/store/x/bin/nix"; w.onHost = true },
	} {
		w := aSpec()
		change(w)
		if seen[w.stateFile()] != "nothing" {
			t.Errorf("%s needs no other container, and gets one", name)
		}
	}
}

func TestSlowPath(t *testing.T) {
	refused := func(r session.Reason) error {
		return fmt.Errorf("starting: %w", &session.Refused{Reason: r, Message: "m"})
	}
	for _, test := range []struct {
		name string
		err  error
		want bool
	}{
		{"it went well", nil, false},
		{"nothing is remembered", errNothing, true},
		{"the container is gone", fmt.Errorf("executing: %w", errors.New("no such container")), true},
		{"the user gave up", fmt.Errorf("executing: %w", context.Canceled), false},
		{"the image's store was never synced", refused(session.Unstamped), true},
		{"no such command", refused(session.NotFound), false},
		{"not executable", refused(session.NotExecutable), false},
		{"no such directory", refused(session.NoDirectory), true},
		{"the agent failed", refused(session.Failed), false},
	} {
		if got := slowPath(test.err); got != test.want {
			t.Errorf("%s: got %v", test.name, got)
		}
	}
}

func TestRequest(t *testing.T) {
	command := Command{Argv: []string{"nix", "build"}, Env: []string{"A=b"}}
	want := session.Request{Argv: []string{"nix", "build"}, Dir: "/p/sub", Env: []string{"A=b"}, Nix: "experimental-features = flakes",
		Idle: session.Idle, Secrets: session.Secrets{Nix: "access-tokens = a=b\n", Netrc: []byte("machine m")}}
	if got := (&Proxy{}).request(aSpec(), command); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	w := aSpec()
	w.project, w.config = project.Project{Note: "nothing is mounted"}, configuration{}
	if got := (&Proxy{}).request(w, Command{Argv: []string{"true"}}); got.Dir != "" || got.Nix != "" {
		t.Errorf("without a project: %+v", got)
	}
}

func TestIdle(t *testing.T) {
	for setting, want := range map[string]time.Duration{"": session.Idle, "0": 0, "1h30m": 90 * time.Minute} {
		if got := (&Proxy{Settings: settings.Settings{IdleTimeout: setting}}).request(aSpec(), Command{}).Idle; got != want {
			t.Errorf("%q: got %v", setting, got)
		}
	}
}

func TestPlatformOf(t *testing.T) {
	own := engine.Info{OS: "linux", Arch: "amd64"}
	for asked, want := range map[string]string{"": "linux/amd64", "linux/arm64": "linux/arm64", "linux/arm/v7": "linux/arm"} {
		if os, arch := platformOf(asked, own); os+"/"+arch != want {
			t.Errorf("%q: got %s/%s", asked, os, arch)
		}
	}
}

func TestVolumeForAnImage(t *testing.T) {
	arm := image.Image{Image: engine.Image{OS: "linux", Arch: "arm64"}}
	w := aSpec()
	if got, want := w.volumeFor(arm), (volume.Volume{Name: "v", Flavour: "nix", Platform: "linux/arm64"}); got != want {
		t.Errorf("got %+v", got)
	}
	w.volume, w.nix.Flavour = "", version.FlavourLix
	if got, want := w.volumeFor(arm), (volume.Volume{Name: "nixproxy-lix-linux-arm64", Flavour: "lix", Platform: "linux/arm64"}); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestRememberedHostKey(t *testing.T) {
	const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	if key, err := (remembered{HostKey: line}).hostKey(); err != nil || key.Type() != "ssh-ed25519" {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "ssh-ed25519", "ssh-ed25519 !!", line[:40]} {
		if _, err := (remembered{HostKey: bad}).hostKey(); err == nil || !slowPath(err) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}
