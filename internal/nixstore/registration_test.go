package nixstore

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

const (
	one   = Path("/nix/store/00000000000000000000000000000001-one")
	two   = Path("/nix/store/00000000000000000000000000000002-two")
	three = Path("/nix/store/00000000000000000000000000000003-three")
	drv   = Path("/nix/store/00000000000000000000000000000004-one.drv")
	other = Path("/nix/store/00000000000000000000000000000005-other")
)

// dumped is as Nix 2.8.0 and 2.34.8 print it.
var dumped = strings.Join([]string{
	string(one), "aa", "120", string(drv), "2", string(one), string(two),
	string(two), "bb", "0", "", "0",
	string(drv), "cc", "7", "", "1", string(three),
	string(three), "dd", "1", string(other), "0", // its deriver is not valid
	string(other) + "x", "ee", "9", "", "0", "",
}, "\n")

func read(text string) (all []Info, err error) {
	return all, ReadRegistrations(strings.NewReader(text), func(r Info) error {
		all = append(all, r)
		return nil
	})
}

func TestReadRegistrations(t *testing.T) {
	got, err := read(dumped)
	want := []Info{
		{Path: one, NarHash: "aa", NarSize: 120, Deriver: string(drv), References: []Path{one, two}},
		{Path: two, NarHash: "bb", NarSize: 0},
		{Path: drv, NarHash: "cc", NarSize: 7, References: []Path{three}},
		{Path: three, NarHash: "dd", NarSize: 1, Deriver: string(other)},
		{Path: other + "x", NarHash: "ee", NarSize: 9},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := read(""); len(got) > 0 || err != nil {
		t.Errorf("of an empty store: %v, %v", got, err)
	}
}

func TestReadRegistrationsRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"error: cannot open database\n":                 "is not a store path",
		string(one) + "\naa\n120\n":                     "unexpected EOF",
		string(one) + "\naa\n120\n\n2\n" + string(two):  "unexpected EOF",
		string(one) + "\naa\nmany\n\n0\n":               `parsing "many"`,
		string(one) + "\naa\n\n\n0\n":                   `parsing ""`,
		string(one) + "/bin\naa\n1\n\n0\n":              "is a file in store path",
		string(one) + "\n" + strings.Repeat("a", 1<<20): "too long",
	} {
		if all, err := read(text); err == nil || !strings.Contains(err.Error(), says) || len(all) > 0 {
			t.Errorf("%.80q: got %v, %v; want %q", text, all, err, says)
		}
	}
	stop := errors.New("enough")
	if err := ReadRegistrations(strings.NewReader(dumped), func(Info) error { return stop }); err != stop {
		t.Errorf("its reader's error became %v", err)
	}
	if err := ReadRegistrations(io.MultiReader(strings.NewReader(string(one)+"\naa\n"), failing{}), nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("an error of the pipe became %v", err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestGraph(t *testing.T) {
	g := Graph{}
	_ = ReadRegistrations(strings.NewReader(dumped), func(r Info) error { g[r.Path] = r; return nil })
	for name, test := range map[string]struct {
		got  Set
		want Set
		size int64
	}{
		"closure":               {g.Closure(one), Set{one: true, two: true}, 120},
		"kept with its deriver": {g.Kept(one), Set{one: true, two: true, drv: true, three: true}, 128},
		"of several":            {g.Closure(two, drv, two), Set{two: true, drv: true, three: true}, 8},
		"of what is not valid":  {g.Kept(other, three), Set{three: true}, 1},
		"of nothing":            {g.Kept(), Set{}, 0},
	} {
		if !reflect.DeepEqual(test.got, test.want) || g.Size(test.got) != test.size {
			t.Errorf("%s: got %v of %d bytes", name, test.got, g.Size(test.got))
		}
	}
	if g.TotalSize() != 137 {
		t.Errorf("all are %d bytes", g.TotalSize())
	}
	if len(g[one].References) != 2 {
		t.Error("following has changed the graph")
	}
}
