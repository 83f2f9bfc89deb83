package volume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A fake is an engine with one volume, whose anchor answers what is in it. What
// it does not know makes the test panic.
type fake struct {
	container.Engine
	labels  map[string]string // of the volume that is there; nil: none
	created int
	answers []string // of the anchor, one after the other
	asked   []string
	creates []error // of throwaway containers, one after the other
}

type conflict struct{ error }

func (conflict) Conflict() {}

type notFound struct{ error }

func (notFound) NotFound() {}

func (f *fake) CreateVolume(_ context.Context, name string, labels map[string]string) (engine.Volume, error) {
	if f.labels == nil {
		f.created++
		f.labels = labels
	}
	return engine.Volume{Name: name, Labels: f.labels}, nil
}

func (f *fake) FindVolume(_ context.Context, name string) (engine.Volume, error) {
	if f.labels == nil {
		return engine.Volume{}, notFound{errors.New("no such volume")}
	}
	return engine.Volume{Name: name, Labels: f.labels}, nil
}

func (f *fake) Output(_ context.Context, id, stdin string, argv ...string) ([]byte, error) {
	f.asked = append(f.asked, id+": "+strings.Join(argv, " ")+stdin)
	if len(f.answers) == 0 {
		return nil, &engine.ExitError{Program: argv[0], Status: 1, Err: errors.New("it holds /nix/store and no layout of nixproxy's")}
	}
	answer := f.answers[0]
	f.answers = f.answers[1:]
	return []byte(answer), nil
}

func (f *fake) Exec(context.Context, string, ...string) (*engine.Stream, error) {
	return nil, errors.New("no streams here")
}

func (f *fake) CreateContainer(context.Context, engine.Specification) (string, error) {
	err := f.creates[0]
	f.creates = f.creates[1:]
	return "", err
}

func (f *fake) FindContainer(context.Context, string) (engine.Container, error) {
	return engine.Container{}, notFound{errors.New("gone")}
}

var ours = Volume{Name: "v", Flavour: "nix", Platform: "linux/amd64"}

func open(f *fake) Handle {
	return Handle{Volume: ours, Engine: f, Place: container.Place{Volume: "v"}, Anchor: engine.Container{ID: "anchor"}}
}

func TestName(t *testing.T) {
	for want, got := range map[string]string{
		"nixproxy-linux-arm64":     Name("nix", "linux", "arm64"),
		"nixproxy-lix-linux-amd64": Name("lix", "linux", "amd64"),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEnsureMakesTheVolumeOnce(t *testing.T) {
	f := &fake{}
	for range 2 {
		if err := ours.Ensure(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]string{container.LabelVolume: "v", LabelLayout: agentapi.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	if f.created != 1 || !maps.Equal(f.labels, want) {
		t.Errorf("%d volumes, with %v", f.created, f.labels)
	}
}

func TestEnsureRefusesOtherVolumes(t *testing.T) {
	good := map[string]string{container.LabelVolume: "v", LabelLayout: agentapi.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	for _, test := range []struct{ label, value, says string }{
		{LabelLayout, "99", "volume v has layout 99, and " + agentapi.Layout + " is needed here"},
		{LabelFlavour, "lix", "volume v has flavour lix, and nix is needed here"},
		{LabelPlatform, "linux/arm64", "volume v has platform linux/arm64, and linux/amd64 is needed here"},
		{LabelPlatform, "", "volume v has platform"},
	} {
		labels := maps.Clone(good)
		labels[test.label] = test.value
		err := ours.Ensure(t.Context(), &fake{labels: labels})
		if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "--volume") {
			t.Errorf("%s=%s: got %v", test.label, test.value, err)
		}
	}
	for _, labels := range []map[string]string{{}, {"com.docker.compose.project": "x"}} {
		if err := ours.Ensure(t.Context(), &fake{labels: labels}); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
			t.Errorf("%v: got %v", labels, err)
		}
	}
}

func TestFind(t *testing.T) {
	if _, err := Find(t.Context(), &fake{}, "v"); err == nil || !strings.Contains(err.Error(), "there is no volume v yet") {
		t.Errorf("none: %v", err)
	}
	if found, err := Find(t.Context(), &fake{labels: ours.labels()}, "v"); err != nil || found != ours {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := Find(t.Context(), &fake{labels: map[string]string{"a": "b"}}, "v"); err == nil || !strings.Contains(err.Error(), "not made by nixproxy") {
		t.Errorf("not ours: %v", err)
	}
}

func TestPrepareTellsWhatIsThere(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[{"identity":"a","version":"nix (Nix) 2.26.3"}]}`, "no JSON"}}
	p, err := open(f).Prepare(t.Context())
	if err != nil || len(p.Stamps) != 1 || p.Stamps[0].Version != "nix (Nix) 2.26.3" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := open(f).Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "reading what volume v holds") {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := open(f).Prepare(t.Context()); err == nil || err.Error() != "volume v cannot be used: it holds /nix/store and no layout of nixproxy's" {
		t.Errorf("refused: %v", err)
	}
	if f.asked[0] != "anchor: "+agentapi.Binary+" prepare" {
		t.Errorf("asked %q", f.asked)
	}
}

// told is a Progress that notes what it is told.
type told []string

func (p *told) Set(done, total int64) { *p = append(*p, fmt.Sprint(done, "/", total)) }
func (p *told) End(err error)         { *p = append(*p, fmt.Sprint("end ", err)) }

func TestSyncOfAStampedImageAsksOnce(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[{"identity":"b"},{"identity":"a","nix":"/nix/store/n"}]}`}}
	stamp, err := open(f).Sync(t.Context(), "a", "ref", func() Progress {
		t.Error("there was nothing to do")
		return new(told)
	})
	if err != nil || stamp.Nix != "/nix/store/n" || len(f.asked) != 1 {
		t.Errorf("%+v, %v, asked %q", stamp, err, f.asked)
	}
}

// Whoever had to wait for another's job looks again before working.
func TestSyncLooksAgainAfterAnother(t *testing.T) {
	taken := conflict{errors.New("the name is taken")}
	f := &fake{
		answers: []string{`{"stamps":[]}`, `{"stamps":[{"identity":"other"}]}`, `{"stamps":[{"identity":"a","nix":"/nix/store/n"}]}`},
		creates: []error{taken, taken},
	}
	stamp, err := open(f).Sync(t.Context(), "a", "ref", func() Progress { return new(told) })
	if err != nil || stamp.Nix != "/nix/store/n" || len(f.asked) != 3 || len(f.creates) != 0 {
		t.Errorf("%+v, %v, asked %q", stamp, err, f.asked)
	}
}

func TestSyncTellsWhatFailed(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[]}`}, creates: []error{errors.New("no space left")}}
	var p told
	_, err := open(f).Sync(t.Context(), "a", "ref", func() Progress { return &p })
	if err == nil || err.Error() != "syncing image ref into volume v: no space left" || !slices.Equal(p, told{"end no space left"}) {
		t.Errorf("%v, told %q", err, p)
	}
	if _, err := open(&fake{}).Sync(t.Context(), "a", "ref", nil); err == nil || !strings.HasPrefix(err.Error(), "volume v cannot be used") {
		t.Errorf("a foreign volume: %v", err)
	}
	f = &fake{answers: []string{`{"stamps":[{"identity":"a"}],"damage":"its agents' host key is damaged (why)"}`}}
	_, err = open(f).Sync(t.Context(), "a", "ref", nil)
	var unusable *UnusableError
	if !errors.As(err, &unusable) || err.Error() != "volume v cannot be used: its agents' host key is damaged (why): `nixproxy volume verify --repair` mends it" {
		t.Errorf("a damaged one: %v", err)
	}
}
