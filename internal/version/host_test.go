package version

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const storeNix = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nix-2.34.8/bin/nix"

// machine is a host under a temporary root, whose binaries answer with their own content.
type machine struct {
	t    *testing.T
	root string
	env  map[string]string
	self string
	runs []string
	fail error
	memory
}

// memory is a Cache.
type memory map[string]string

func (m memory) Load(key string) (string, bool) { value, ok := m[key]; return value, ok }
func (m memory) Save(key, value string)         { m[key] = value }

func newMachine(t *testing.T) *machine {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return &machine{t: t, root: root, env: map[string]string{}, memory: memory{}}
}

func (m *machine) host() Host {
	return Host{
		Getenv: func(key string) string { return m.env[key] },
		Home:   "/home/u",
		Self:   m.self,
		Stat:   func(path string) (fs.FileInfo, error) { return os.Stat(m.root + path) },
		EvalSymlinks: func(path string) (string, error) {
			resolved, err := filepath.EvalSymlinks(m.root + path)
			return strings.TrimPrefix(resolved, m.root), err
		},
		ReadFile: func(path string) ([]byte, error) { return os.ReadFile(m.root + path) },
		Run: func(ctx context.Context, binary string) (string, error) {
			m.runs = append(m.runs, binary)
			if _, bounded := ctx.Deadline(); !bounded {
				m.t.Error("started without a time limit")
			}
			content, err := os.ReadFile(m.root + binary)
			return string(content), errors.Join(err, m.fail)
		},
		Cache: m.memory,
	}
}

func (m *machine) write(path, content string, mode fs.FileMode) {
	m.t.Helper()
	m.must(os.MkdirAll(filepath.Dir(m.root+path), 0o755))
	m.must(os.WriteFile(m.root+path, []byte(content), mode))
}

func (m *machine) link(path, target string) {
	m.t.Helper()
	m.must(os.MkdirAll(filepath.Dir(m.root+path), 0o755))
	m.must(os.Symlink(m.root+target, m.root+path))
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// find checks which binary is found, with which version, after how many processes in all.
func (m *machine) find(binary, version string, runs int) {
	m.t.Helper()
	nix, ok, err := m.host().Find(context.Background())
	if err != nil || ok != (binary != "") || nix.Binary != binary || nix.Version != version {
		m.t.Errorf("got %+v, %v, %v, want %s at %s", nix, ok, err, version, binary)
	}
	if len(m.runs) != runs {
		m.t.Errorf("%d processes (%q), want %d", len(m.runs), m.runs, runs)
	}
}

func TestFindNothing(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = "/bin:/usr/bin"
	m.find("", "", 0)
}

func TestFindKnownPlaces(t *testing.T) {
	for _, place := range []string{
		"/nix/var/nix/profiles/default/bin/nix", "/run/current-system/sw/bin/nix",
		"/home/u/.nix-profile/bin/nix", "/home/u/.local/state/nix/profile/bin/nix",
	} {
		m := newMachine(t)
		m.write(place, "nix (Nix) 2.8.0\n", 0o755)
		m.find(place, "2.8.0", 1)
	}
}

func TestFindPathFirst(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = "/one:/two"
	m.write("/nix/var/nix/profiles/default/bin/nix", "nix (Nix) 2.8.0\n", 0o755)
	m.write("/two/nix", "nix (Lix, like Nix) 2.95.2\n", 0o755)
	m.find("/two/nix", "2.95.2", 1)
}

func TestFindSkips(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = ":.:relative:/plain:/dir:/dangling:/self:/hard:/wrapper:/loop:/good"
	m.self = "/opt/nixproxy"
	m.write(m.self, "nix (Nix) 9.9.9\n", 0o755)
	m.write("/plain/nix", "nix (Nix) 9.9.9\n", 0o644)
	m.must(os.MkdirAll(m.root+"/dir/nix", 0o755))
	m.link("/dangling/nix", "/nowhere")
	m.link("/self/nix", m.self)
	m.must(os.Mkdir(m.root+"/hard", 0o755))
	m.must(os.Link(m.root+m.self, m.root+"/hard/nix"))
	m.write("/wrapper/nix", "#!/bin/sh\nexec nixproxy run -- nix \"$@\"\n", 0o755)
	m.link("/loop/nix", "/loop/nix")
	m.write("/good/nix", "nix (Nix) 2.26.3\n", 0o755)
	m.find("/good/nix", "2.26.3", 1)
}

func TestFindStorePathIsCachedForever(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = "/bin"
	m.write(storeNix, "nix (Determinate Nix 3.21.9) 2.34.8\n", 0o555)
	m.link("/profile", "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nix-2.34.8")
	m.link("/bin/nix", "/profile/bin/nix")
	m.find("/bin/nix", "2.34.8", 1)
	m.must(os.Chtimes(m.root+storeNix, time.Now(), time.Now().Add(time.Hour)))
	m.find("/bin/nix", "2.34.8", 1)
	if _, ok := m.memory[storeNix]; !ok {
		t.Errorf("cached as %q", m.memory)
	}
	nix, _, _ := m.host().Find(context.Background())
	if !nix.Determinate {
		t.Errorf("from the cache: %+v", nix)
	}
}

func TestPresentStartsNothing(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = "/bin"
	if nix, ok := m.host().Present(); ok {
		t.Errorf("where there is none: %+v", nix)
	}
	m.write("/bin/nix", "nix (Determinate Nix 3.21.9) 2.34.8\n", 0o755)
	if nix, ok := m.host().Present(); !ok || nix != (Nix{Binary: "/bin/nix"}) || len(m.runs) > 0 {
		t.Errorf("got %+v, %v, started %q", nix, ok, m.runs)
	}
	m.find("/bin/nix", "2.34.8", 1)
	if nix, ok := m.host().Present(); !ok || !nix.Determinate || nix.Binary != "/bin/nix" || len(m.runs) > 1 {
		t.Errorf("after it was asked: %+v, %v, started %q", nix, ok, m.runs)
	}
}

func TestFindOtherFileIsCachedUntilItChanges(t *testing.T) {
	m := newMachine(t)
	m.env["PATH"] = "/bin"
	m.write("/bin/nix", "nix (Nix) 2.8.0\n", 0o755)
	m.find("/bin/nix", "2.8.0", 1)
	m.find("/bin/nix", "2.8.0", 1)
	m.write("/bin/nix", "nix (Nix) 2.8.1\n", 0o755)
	m.must(os.Chtimes(m.root+"/bin/nix", time.Now(), time.Now().Add(time.Second)))
	m.find("/bin/nix", "2.8.1", 2)
	m.write("/bin/nix", "nix (Nix) 2.26.3\n", 0o755)
	m.find("/bin/nix", "2.26.3", 3)
}

func TestFindBrokenCache(t *testing.T) {
	m := newMachine(t)
	m.write("/nix/var/nix/profiles/default/bin/nix", "nix (Nix) 2.8.0\n", 0o755)
	m.find("/nix/var/nix/profiles/default/bin/nix", "2.8.0", 1)
	for key := range m.memory {
		m.memory[key] = "rubbish"
	}
	m.find("/nix/var/nix/profiles/default/bin/nix", "2.8.0", 2)
}

func TestFindWithoutCache(t *testing.T) {
	m := newMachine(t)
	m.write("/run/current-system/sw/bin/nix", "nix (Nix) 2.8.0\n", 0o755)
	host := m.host()
	host.Cache = nil
	if nix, ok, err := host.Find(context.Background()); err != nil || !ok || nix.Version != "2.8.0" {
		t.Errorf("got %+v, %v, %v", nix, ok, err)
	}
}

func TestFindErrors(t *testing.T) {
	broken := errors.New("exit status 1")
	cases := map[string]struct {
		output  string
		fail    error
		looking string
	}{
		"does not start": {"", broken, ""},
		"unknown line":   {"nix (Tvix) 1\n", nil, ""},
		"called by Find": {"nix (Nix) 2.4\n", nil, "1"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.env = map[string]string{"PATH": "/bin", LookingVariable: c.looking}
			m.write("/bin/nix", c.output, 0o755)
			m.fail = c.fail
			_, ok, err := m.host().Find(context.Background())
			if ok || err == nil || !errors.Is(err, c.fail) && c.fail != nil {
				t.Fatalf("got %v, %v", ok, err)
			}
			checkMessage(t, err)
			if c.looking == "" && !strings.Contains(err.Error(), "/bin/nix") {
				t.Errorf("%q does not name the binary", err)
			}
			if len(m.memory) != 0 {
				t.Errorf("cached %q", m.memory)
			}
		})
	}
}

func TestRunVersion(t *testing.T) {
	script := func(body string) string {
		path := filepath.Join(t.TempDir(), "nix")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("KEPT", "yes")
	out, err := runVersion(context.Background(), script(fmt.Sprintf(`echo "$1 $KEPT $%s"`, LookingVariable)))
	if err != nil || out != "--version yes 1\n" {
		t.Errorf("got %q, %v", out, err)
	}
	_, err = runVersion(context.Background(), script("echo one >&2; echo error: two >&2; exit 3"))
	if err == nil || !strings.Contains(err.Error(), `exit status 3, saying "error: two"`) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err = runVersion(ctx, script("sleep 60")); err == nil || time.Since(start) > 30*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
}
