package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/config"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// dockerConfig makes a docker configuration with contexts, by name and
// metadata, and lets docker's library read it.
func dockerConfig(t *testing.T, file string, contexts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	before := config.Dir()
	config.SetDir(dir)
	t.Cleanup(func() { config.SetDir(before) })
	if file != "" {
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, metadata := range contexts {
		sum := sha256.Sum256([]byte(name))
		at := filepath.Join(dir, "contexts", "meta", hex.EncodeToString(sum[:]))
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(at, "meta.json"), []byte(metadata), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// host is a machine with variables and listening sockets.
func host(variables map[string]string, listening ...string) Host {
	return Host{
		Getenv: func(name string) string { return variables[name] },
		Home:   "/home/me",
		Dial: func(path string) error {
			if slices.Contains(listening, path) {
				return nil
			}
			return os.ErrNotExist
		},
	}
}

func meta(name, address string) string {
	return `{"Name":"` + name + `","Metadata":{},"Endpoints":{"docker":{"Host":"` + address + `","SkipTLSVerify":false}}}`
}

func TestFindTakesDockersOrder(t *testing.T) {
	contexts := map[string]string{
		"colima": meta("colima", "unix:///colima.sock"), "remote": meta("remote", "tcp://10.0.0.1:2375"),
	}
	const current = `{"currentContext":"colima"}`
	for _, test := range []struct {
		name            string
		config          string
		choice          Choice
		env             map[string]string
		address, origin string
	}{
		{"--host", current, Choice{Host: "tcp://h:1", Context: "remote"}, map[string]string{"DOCKER_HOST": "unix:///e"}, "tcp://h:1", "--host"},
		{"--context", current, Choice{Context: "remote"}, map[string]string{"DOCKER_HOST": "unix:///e"}, "tcp://10.0.0.1:2375", "--context remote"},
		{"DOCKER_HOST", current, Choice{}, map[string]string{"DOCKER_HOST": "unix:///e", "DOCKER_CONTEXT": "remote"}, "unix:///e", "DOCKER_HOST"},
		{"DOCKER_CONTEXT", current, Choice{}, map[string]string{"DOCKER_CONTEXT": "remote"}, "tcp://10.0.0.1:2375", "DOCKER_CONTEXT=remote"},
		{"current", current, Choice{}, nil, "unix:///colima.sock", "context colima"},
		{"default", `{"currentContext":"default"}`, Choice{}, nil, "unix:///home/me/.rd/docker.sock", "found"},
		{"no file", "", Choice{}, nil, "unix:///home/me/.rd/docker.sock", "found"},
		{"bad file", "{", Choice{}, nil, "unix:///home/me/.rd/docker.sock", "found"},
	} {
		dockerConfig(t, test.config, contexts)
		e, err := Find(test.choice, host(test.env, "/home/me/.rd/docker.sock", "/run/podman/podman.sock"))
		if err != nil || e.Address != test.address || e.Origin != test.origin {
			t.Errorf("%s: got %s from %s, %v", test.name, e.Address, e.Origin, err)
		}
		if _, err := Open(e, "1.41"); err != nil {
			t.Errorf("%s: opening: %v", test.name, err)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	dockerConfig(t, "", map[string]string{
		"damaged": "{", "bare": `{"Name":"bare","Metadata":{},"Endpoints":{}}`, "odd": meta("odd", "no address"),
	})
	for _, test := range []struct {
		name   string
		choice Choice
		env    map[string]string
		says   []string
	}{
		{"no address", Choice{Host: "nonsense"}, nil, []string{"--host", `"nonsense"`, "unix:///PATH"}},
		{"an empty path", Choice{Host: "unix://"}, nil, []string{"--host"}},
		{"a bad variable", Choice{}, map[string]string{"DOCKER_HOST": "x y"}, []string{"DOCKER_HOST", `"x y"`}},
		{"no such context", Choice{Context: "none"}, nil, []string{`"none"`, "--context none", "docker context ls"}},
		{"no such context by variable", Choice{}, map[string]string{"DOCKER_CONTEXT": "../x"}, []string{`"../x"`, "DOCKER_CONTEXT"}},
		{"a damaged context", Choice{Context: "damaged"}, nil, []string{`"damaged"`}},
		{"a context without an engine", Choice{Context: "bare"}, nil, []string{`"bare"`}},
		{"a context with a bad address", Choice{Context: "odd"}, nil, []string{"no address"}},
	} {
		endpoint, err := Find(test.choice, host(test.env, "/var/run/docker.sock"))
		if err == nil {
			_, err = Open(endpoint, "")
		}
		if err == nil {
			t.Errorf("%s: found", test.name)
			continue
		}
		for _, words := range test.says {
			if !strings.Contains(hint.Text(err), words) {
				t.Errorf("%s: %q does not say %q", test.name, err, words)
			}
		}
	}
}

func TestSearchNamesAllItTried(t *testing.T) {
	h := host(map[string]string{"XDG_RUNTIME_DIR": "/run/user/7", "TMPDIR": "/var/folders/x"})
	h.Dial = func(path string) error {
		switch path {
		case "/var/run/docker.sock":
			return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", os.ErrPermission)}
		case "/home/me/.docker/run/docker.sock":
			return &net.OpError{Op: "dial", Net: "unix", Err: os.NewSyscallError("connect", errors.New("connection refused"))}
		}
		return os.ErrNotExist
	}
	_, err := search(h)
	for _, line := range []string{
		"no engine answers; tried\n  unix:///var/run/docker.sock: permission denied\n  unix:///run/user/7/docker.sock: not there\n",
		"  unix:///home/me/.docker/run/docker.sock: connection refused\n",
		"  unix:///var/folders/x/podman/podman-machine-default-api.sock: not there\n",
		"  unix:///run/user/7/podman/podman.sock: not there\n",
		"  unix:///run/podman/podman.sock: not there\nhint: start one (",
	} {
		if err == nil || !strings.Contains(hint.Text(err), line) {
			t.Errorf("%v does not say %q", err, line)
		}
	}
}

func TestKnownSockets(t *testing.T) {
	bare := Host{Getenv: func(string) string { return "" }}
	if got := knownSockets(bare); !slices.Equal(got, []string{"/var/run/docker.sock", "/run/podman/podman.sock"}) {
		t.Errorf("without HOME and variables: %q", got)
	}
	all := knownSockets(host(map[string]string{"XDG_RUNTIME_DIR": "/r", "TMPDIR": "/t"}))
	for _, socket := range all {
		if !filepath.IsAbs(socket) || filepath.Clean(socket) != socket {
			t.Errorf("%q is no clean path", socket)
		}
	}
	if sorted := slices.Sorted(slices.Values(all)); len(slices.Compact(sorted)) != len(all) || len(all) != 13 {
		t.Errorf("%d sockets, some twice: %q", len(all), all)
	}
	// Of several engines the first in the list is taken: docker before podman.
	e, err := search(host(nil, "/run/podman/podman.sock", "/home/me/.orbstack/run/docker.sock"))
	if err != nil || e.Address != "unix:///home/me/.orbstack/run/docker.sock" {
		t.Errorf("got %s, %v", e.Address, err)
	}
}

func TestLocal(t *testing.T) {
	for address, want := range map[string]bool{
		"unix:///var/run/docker.sock": true,
		"npipe:////./pipe/engine":     true,
		"tcp://127.0.0.1:2375":        true,
		"tcp://[::1]:2375":            true,
		"tcp://localhost:2375/path":   true,
		"tcp://10.0.0.7:2375":         false,
		"tcp://127.0.0.1.example:1":   false,
		"ssh://user@127.0.0.1":        false,
		"ssh://builder":               false,
		"":                            false,
	} {
		if got := (Endpoint{Address: address}).Local(); got != want {
			t.Errorf("%q: got %v", address, got)
		}
	}
}
