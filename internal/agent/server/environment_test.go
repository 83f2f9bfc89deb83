package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/session"
)

func TestEnvironment(t *testing.T) {
	stamp := agentapi.Stamp{Nix: "/nix/store/n-nix", Profile: "/nix/store/p-profile", Settings: []string{"sync-before-registering = true"}}
	const first = "/nix/store/n-nix/bin:/h/.nix-profile/bin:/h/.local/state/nix/profile/bin:/nix/store/p-profile/bin:"
	image := []string{
		"PATH=/root/.nix-profile/bin:/nix/var/nix/profiles/default/bin:/nix/var/nix/profiles/default/sbin",
		"USER=root", "HOME=/root",
		"NIX_SSL_CERT_FILE=/nix/var/nix/profiles/default/etc/ssl/certs/ca-bundle.crt",
		"NIX_PATH=/nix/var/nix/profiles/per-user/root/channels:/root/.nix-defexpr/channels",
		"FAR=/nix/var/nix/profiles/default-2/x",
	}
	for _, test := range []struct {
		name    string
		request session.Request
		want    map[string]string
	}{
		{"nothing asked", session.Request{}, map[string]string{
			"PATH":              first + "/root/.nix-profile/bin:/nix/var/nix/profiles/default/bin:/nix/var/nix/profiles/default/sbin",
			"HOME":              "/h",
			"PWD":               "/d",
			"USER":              "root",
			"NIX_SSL_CERT_FILE": "/nix/store/p-profile/etc/ssl/certs/ca-bundle.crt",
			"NIX_PATH":          "/nix/var/nix/profiles/per-user/root/channels:/root/.nix-defexpr/channels",
			"FAR":               "/nix/var/nix/profiles/default-2/x",
			"NIX_CONFIG":        "sync-before-registering = true",
		}},
		{"the host's configuration", session.Request{Nix: "a = 1\nb = 2"}, map[string]string{
			"NIX_CONFIG": "sync-before-registering = true\na = 1\nb = 2",
		}},
		{"the user's configuration, which wins", session.Request{Nix: "a = 1", Env: []string{"NIX_CONFIG=a = 3\nc = 4"}}, map[string]string{
			"NIX_CONFIG": "sync-before-registering = true\na = 1\na = 3\nc = 4",
		}},
		{"variables over all", session.Request{Env: []string{"HOME=/mine", "PATH=/only", "X=a=b", "X=c", "EMPTY=", "USER=me"}}, map[string]string{
			"HOME": "/mine", "PATH": "/only", "X": "c", "EMPTY": "", "USER": "me",
		}},
	} {
		env := environment(image, "/h", stamp, test.request, "/d", nixLines{})
		for name, want := range test.want {
			if got := strings.TrimSpace(valueOf(env, name)); got != want {
				t.Errorf("%s: %s is %q, want %q", test.name, name, got, want)
			}
		}
		names := map[string]bool{}
		for _, variable := range env {
			name, _, ok := strings.Cut(variable, "=")
			if !ok || names[name] {
				t.Errorf("%s: %q is there twice or no variable", test.name, variable)
			}
			names[name] = true
		}
	}
	if image[2] != "HOME=/root" || !strings.HasPrefix(image[0], "PATH=/root") {
		t.Errorf("the image's own list was changed: %q", image)
	}
	if got := valueOf(environment(nil, "/h", stamp, session.Request{}, "/d", nixLines{}), "PATH"); got != strings.TrimSuffix(first, ":") {
		t.Errorf("of an image without PATH it is %q; an empty entry is the working directory", got)
	}
	if env := environment(image, "/h", agentapi.Stamp{}, session.Request{}, "/d", nixLines{}); slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "NIX_CONFIG=") }) {
		t.Error("a session without configuration has NIX_CONFIG")
	}
}

// If two lines have the same setting, Nix takes the later.
func TestNixConfigurationHasAnOrder(t *testing.T) {
	env := environment([]string{"NIX_CONFIG=image = 1"}, "/h", agentapi.Stamp{Settings: []string{"stamp = 1", "stamp = 2"}},
		session.Request{Nix: "host = 1", Env: []string{"NIX_CONFIG=user = 1", "NIX_CONFIG=user = 2"}}, "/",
		nixLines{fitted: []string{"fitted = 1"}, secrets: []string{"!include /secrets"}})
	const want = "image = 1|stamp = 1|stamp = 2|fitted = 1|host = 1|!include /secrets|user = 2"
	if got := strings.ReplaceAll(valueOf(env, "NIX_CONFIG"), "\n", "|"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Two sessions with one stamp must not write into each other's settings.
func TestEnvironmentLeavesTheStampAlone(t *testing.T) {
	settings := append(make([]string, 0, 8), "s = 1")
	stamp := agentapi.Stamp{Settings: settings}
	one := environment(nil, "/h", stamp, session.Request{Nix: "one = 1"}, "/", nixLines{})
	environment(nil, "/h", stamp, session.Request{Nix: "two = 2"}, "/", nixLines{})
	if got := valueOf(one, "NIX_CONFIG"); got != "s = 1\none = 1" {
		t.Errorf("got %q", got)
	}
}

func TestLookUp(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{
		"a/tool": 0o755, "b/tool": 0o755, "a/only-text": 0o644, "b/only-text": 0o755, "a/text": 0o644, "here": 0o755, "a/group": 0o610,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{os.MkdirAll(filepath.Join(dir, "a/folder"), 0o755), os.MkdirAll(filepath.Join(dir, "b"), 0o755),
		os.WriteFile(filepath.Join(dir, "b/folder"), nil, 0o755), os.Symlink("loop", filepath.Join(dir, "loop")), os.Symlink("gone", filepath.Join(dir, "a/dangling"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const found = session.Reason(99)
	path := strings.Join([]string{dir + "/none", dir + "/here", dir + "/a", "b"}, ":") // the last is relative to dir
	for _, test := range []struct {
		name, file string
		reason     session.Reason
	}{
		{"tool", "a/tool", found},
		{"only-text", "b/only-text", found}, // as in a shell, a file that cannot be executed is skipped
		{"folder", "b/folder", found},
		{"group", "a/group", found},
		{"text", "", session.NotExecutable},
		{"nothing", "", session.NotFound},
		{"", "", session.NotFound},
		{"dangling", "", session.NotFound},
		{"here", "", session.NotFound}, // the working directory is not in PATH
		{"./here", "", found},
		{"a/tool", "", found},
		{dir + "/a/tool", "", found},
		{"./nothing", "", session.NotFound},
		{"./here/x", "", session.NotFound},
		{"./a", "", session.NotExecutable},
		{"./a/text", "", session.NotExecutable},
		{"./loop", "", session.NotExecutable},
	} {
		file, refused := lookUp(test.name, dir, path)
		if test.reason == found {
			want := filepath.Join(dir, test.file)
			if strings.Contains(test.name, "/") {
				want = test.name // as it is written
			}
			if refused != nil || file != want {
				t.Errorf("%s: found %q, %v; want %s", test.name, file, refused, want)
			}
			continue
		}
		if refused == nil || refused.Reason != test.reason || !strings.HasPrefix(refused.Message, "executing "+test.name+": ") {
			t.Errorf("%s: got %+v, want reason %d", test.name, refused, test.reason)
		}
	}
}
