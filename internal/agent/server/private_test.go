package server

import (
	"os"
	"path/filepath"
	"testing"
)

func TestPrivateDirectory(t *testing.T) {
	a := Agent{Dir: t.TempDir()}
	for name, places := range map[string][]string{
		"in memory": a.newPrivate().parents,
		"on disk":   {filepath.Join(a.Dir, "none"), a.Dir},
	} {
		p := &private{parents: places}
		p.remove() // of one that was never needed
		dir, err := p.dir()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if info, err := os.Stat(dir); err != nil || info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if filepath.Dir(dir) != places[len(places)-1] && filepath.Dir(dir) != memory {
			t.Errorf("%s: it is %s", name, dir)
		}
		if again, err := p.dir(); again != dir || err != nil {
			t.Errorf("%s: it is %s and then %s, %v", name, dir, again, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "secret"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		p.remove()
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: %s is left, %v", name, dir, err)
		}
	}
	if _, err := (&private{parents: []string{filepath.Join(a.Dir, "none")}}).dir(); err == nil {
		t.Error("it was made nowhere")
	}
}

func TestAgentRemovesWhatAKilledOneLeft(t *testing.T) {
	a := newAgent(t)
	dir, err := (&private{parents: []string{a.Dir}}).dir()
	if err != nil {
		t.Fatal(err)
	}
	serveAgent(t, a)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left, %v", dir, err)
	}
}
