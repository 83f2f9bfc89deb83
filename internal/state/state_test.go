package state

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

type memo struct{ Address string }

func openTest(t *testing.T) *Dir {
	t.Helper()
	d, err := Open(filepath.Join(t.TempDir(), "deep", "state"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSaveLoadRemove(t *testing.T) {
	d := openTest(t)
	if err := d.Save("agents/a.json", memo{"here"}); err != nil {
		t.Fatal(err)
	}
	var got memo
	if !d.Load("agents/a.json", &got) || got.Address != "here" {
		t.Errorf("got %+v", got)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "agents": 0o700, "agents/a.json": 0o600} {
		if info, err := os.Stat(filepath.Join(d.Path(), name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want mode %v", name, info.Mode(), err, want)
		}
	}
	for range 2 {
		if err := d.Remove("agents/a.json"); err != nil {
			t.Error(err)
		}
	}
	if d.Load("agents/a.json", &got) {
		t.Error("it is still there")
	}
	if left, _ := filepath.Glob(filepath.Join(d.Path(), "agents", ".new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLoadTakesNothingOdd(t *testing.T) {
	d := openTest(t)
	at := func(name string) string { return filepath.Join(d.Path(), name) }
	os.WriteFile(at("good"), []byte(`{"Address":"x"}`), 0o600)
	os.WriteFile(at("empty"), nil, 0o600)
	os.WriteFile(at("half"), []byte(`{"Address":"x`), 0o600)
	os.WriteFile(at("shape"), []byte(`{"Address":7}`), 0o600)
	os.WriteFile(at("large"), append(bytes.Repeat([]byte(" "), maxSize), `{"Address":"x"}`...), 0o600)
	os.Symlink(at("good"), at("link"))
	os.Mkdir(at("folder"), 0o700)
	for _, name := range []string{"missing", "empty", "half", "shape", "large", "link", "folder", "../state/good", "/etc/passwd", ""} {
		got := memo{"before"}
		if d.Load(name, &got) || got.Address != "before" {
			t.Errorf("%q: loaded %+v", name, got)
		}
	}
	d.user.uid++
	if d.Load("good", &memo{}) {
		t.Error("loaded another user's file")
	}
	if err := d.Save("../out", 1); err == nil {
		t.Error("saved outside of the directory")
	}
}

func TestCache(t *testing.T) {
	c := openTest(t).Cache("versions")
	key := "/a/very/long/" + strings.Repeat("path", 200)
	if _, ok := c.Load(key); ok {
		t.Error("an empty cache has something")
	}
	c.Save(key, "2.26.3\n")
	if got, ok := c.Load(key); !ok || got != "2.26.3\n" {
		t.Errorf("got %q, %v", got, ok)
	}
	if _, ok := c.Load(key + "/"); ok {
		t.Error("another key has the same value")
	}
}

// Nothing is written to a home of another user (sudo keeps HOME on a Mac).
func TestAnothersHome(t *testing.T) {
	home, u := t.TempDir(), currentUser()
	u.temp = t.TempDir()
	u.owner = func(path string) (int, error) {
		if strings.HasPrefix(path, home) {
			return u.uid + 1, nil
		}
		return ownerOf(path)
	}
	for range 2 {
		d, err := open(filepath.Join(home, ".local", "state", "nixproxy"), u)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(d.Path()) != u.temp {
			t.Errorf("the directory is %s", d.Path())
		}
	}
	if written, _ := os.ReadDir(home); len(written) > 0 {
		t.Errorf("written to another's home: %v", written)
	}
}

func TestPrivateDirectoryThatIsNot(t *testing.T) {
	for name, prepare := range map[string]func(path string){
		"open to all": func(path string) { os.Mkdir(path, 0o700); os.Chmod(path, 0o777) },
		"a link":      func(path string) { os.Symlink(filepath.Dir(path), path) },
		"a file":      func(path string) { os.WriteFile(path, nil, 0o600) },
	} {
		u := currentUser()
		u.temp = t.TempDir()
		u.writable = func(string) bool { return false }
		first, err := open(t.TempDir(), u)
		if err != nil {
			t.Fatal(err)
		}
		os.Remove(first.Path())
		prepare(first.Path())
		if _, err := open(t.TempDir(), u); err == nil || !strings.Contains(hint.Of(err), "--state") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestBelowASharedDirectory(t *testing.T) {
	shared, u := t.TempDir(), currentUser()
	os.Chmod(shared, 0o777|os.ModeSticky)
	u.owner = func(path string) (int, error) {
		if path == shared {
			return u.uid + 1, nil
		}
		return ownerOf(path)
	}
	want := filepath.Join(shared, "state")
	if d, err := open(want, u); err != nil || d.Path() != want {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestLock(t *testing.T) {
	d := openTest(t)
	unlock, err := d.Lock(context.Background(), "v", func() { t.Error("waited for nothing") })
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.GC()
	ctx, cancel := context.WithCancel(context.Background())
	waited := 0
	_, err = d.Lock(ctx, "v", func() { waited++; time.AfterFunc(200*time.Millisecond, cancel) })
	if !errors.Is(err, context.Canceled) || waited != 1 {
		t.Errorf("the second: %v, and waiting was called %d times", err, waited)
	}
	unlock()
	unlock()
	again, err := d.Lock(context.Background(), "v", nil)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestLockExcludes(t *testing.T) {
	d := openTest(t)
	var all sync.WaitGroup
	var inside atomic.Int32
	for range 16 {
		all.Go(func() {
			unlock, err := d.Lock(context.Background(), "v", nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			if inside.Add(1) != 1 {
				t.Error("two have the lock")
			}
			time.Sleep(time.Millisecond)
			inside.Add(-1)
		})
	}
	all.Wait()
}

const keyDirEnv = "NIXPROXY_TEST_STATE"

// TestMain is also the process that TestKeyOfManyProcesses starts.
func TestMain(m *testing.M) {
	dir := os.Getenv(keyDirEnv)
	if dir == "" {
		os.Exit(m.Run())
	}
	d, err := Open(dir)
	if err != nil {
		panic(err)
	}
	key, err := d.ClientKey()
	if err != nil {
		panic(err)
	}
	os.Stdout.Write(key.PublicKey().Marshal())
}

func TestKey(t *testing.T) {
	d := openTest(t)
	key, err := d.ClientKey()
	if err != nil {
		t.Fatal(err)
	}
	public := key.PublicKey().Marshal()
	if key.PublicKey().Type() != "ecdsa-sha2-nistp256" {
		t.Errorf("a key of type %s", key.PublicKey().Type())
	}
	file := filepath.Join(d.Path(), keyFile)
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if key, err = d.ClientKey(); err != nil || !bytes.Equal(key.PublicKey().Marshal(), public) {
		t.Errorf("the second time: another key, %v", err)
	}
	os.Chmod(file, 0o644)
	if key, err = d.ClientKey(); err != nil || bytes.Equal(key.PublicKey().Marshal(), public) {
		t.Errorf("a key that others could read is kept, %v", err)
	}
}

func TestKeyOfManyAtOnce(t *testing.T) {
	d := openTest(t)
	d.write(keyFile, []byte("broken"))
	sameForAll(t, func() ([]byte, error) {
		key, err := d.ClientKey()
		if err != nil {
			return nil, err
		}
		return key.PublicKey().Marshal(), nil
	})
}

func TestKeyOfManyProcesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	sameForAll(t, func() ([]byte, error) {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), keyDirEnv+"="+dir)
		return cmd.Output()
	})
}

func sameForAll(t *testing.T, key func() ([]byte, error)) {
	t.Helper()
	var all sync.WaitGroup
	keys := make([][]byte, 16)
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = key(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if len(key) == 0 || !bytes.Equal(key, keys[0]) {
			t.Fatal("not all have the same key")
		}
	}
}
