package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/project"
	"github.com/nixproxy/nixproxy/internal/session"
)

func TestAgree(t *testing.T) {
	const empty, full = "empty directory", "directory"
	for name, test := range map[string]struct {
		here, there string // facts, the path's own first
		want        bool
	}{
		"alike":                      {"directory|a|b|c", "directory|a|b|c", true},
		"one has just changed":       {"directory|a|b|c", "directory|a|x|c", true},
		"half of it":                 {"directory|a|b", "directory|a|x", false},
		"nothing alike":              {"directory|a", "directory|nothing", false},
		"mounted empty":              {"directory|a|b", empty + "|nothing|nothing", false},
		"not permitted":              {"directory|a|b", "directory|denied|denied", false},
		"not permitted at all":       {"directory", "denied", false},
		"both empty":                 {empty, empty, true},
		"empty here alone":           {empty, full, false},
		"no landmarks":               {full, full, true},
		"a file":                     {"file of 2 bytes, a", "file of 2 bytes, a", true},
		"another file":               {"file of 2 bytes, a", "file of 2 bytes, b", false},
		"a directory for a file":     {"file of 2 bytes, a", empty, false},
		"removed":                    {full + "|a", "deleted directory|nothing", false},
		"changing":                   {"directory|unknown", "directory|x", true},
		"not to be read here":        {"denied", "directory", true},
		"one of few to be read here": {"directory|denied|a", "directory|x|a", true},
		"too few answers":            {"directory|a", "directory", false},
	} {
		here, there := strings.Split(test.here, "|"), strings.Split(test.there, "|")
		if got := agree(here, there); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestSteady(t *testing.T) {
	got := steady([][]string{{"a", "b"}, {"c"}}, [][]string{{"a", "x"}, {"c"}})
	if want := [][]string{{"a", agentapi.Unknown}, {"c"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

// What another mount hides is not looked at.
func TestViews(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "b", ".git/HEAD"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := dir + "/a"
	mounts := []project.Mount{{Source: dir, Target: "/p"}, {Source: file, Target: "/p/b"}, {Source: dir, Target: "/p/.git"}, {Source: file, Target: "/elsewhere"}}
	inside, outside := views(mounts)
	if len(inside) != 4 || len(outside) != 4 || inside[0].Path != "/p" || outside[0].Path != dir || !reflect.DeepEqual(inside[0].Names, []string{"a"}) || len(inside[1].Names) != 0 {
		t.Errorf("inside %+v, outside %+v", inside, outside)
	}
	seen := facts(outside)
	if wrong := compare(mounts, seen, facts(outside)); wrong != nil {
		t.Errorf("got %+v for the same", wrong)
	}
	seen[1] = []string{agentapi.Denied}
	if wrong := compare(mounts, facts(outside), seen); wrong == nil || wrong.Target != "/p/b" || !wrong.denied || wrong.deleted {
		t.Errorf("got %+v", wrong)
	}
	seen[0] = []string{agentapi.Deleted, agentapi.Nothing}
	if wrong := compare(mounts, facts(outside), seen); wrong == nil || wrong.Target != "/p" || wrong.denied || !wrong.deleted {
		t.Errorf("got %+v", wrong)
	}
}

func TestMisMountErrors(t *testing.T) {
	m := &misMount{Mount: project.Mount{Source: "/src", Target: "/dst"}, kind: engine.Colima}
	if text := hint.Text(m.withHint()); !strings.Contains(text, "does not see /src") || !strings.Contains(text, "colima start") {
		t.Error(text)
	}
	m.denied = true
	if err := m.withHint(); !strings.Contains(err.Error(), "may not read /src") || hint.Of(err) == "" {
		t.Error(hint.Text(err))
	}
	if !is[*misMount](m.withHint()) {
		t.Error("with its hint it is no misMount")
	}
	// Neither is repaired by beginning anew.
	missing := &session.Refused{Reason: session.NoDirectory}
	if transient(m) || transient(missing) || !slowPath(missing) || !transient(errors.New("no such container")) {
		t.Error("what is transient has changed")
	}
}
