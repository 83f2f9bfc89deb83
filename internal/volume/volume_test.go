package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agent"
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

func (f *fake) Output(_ context.Context, id, stdin string, argv ...string) ([]byte, error) {
	f.asked = append(f.asked, id+": "+strings.Join(argv, " ")+stdin)
	if len(f.answers) == 0 {
		return nil, &engine.ExitError{Program: argv[0], Status: 1, Stderr: "it holds /nix/store and no layout of nixproxy's"}
	}
	answer := f.answers[0]
	f.answers = f.answers[1:]
	return []byte(answer), nil
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
	want := map[string]string{container.LabelVolume: "v", LabelLayout: agent.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	if f.created != 1 || !maps.Equal(f.labels, want) {
		t.Errorf("%d volumes, with %v", f.created, f.labels)
	}
}

func TestEnsureRefusesOtherVolumes(t *testing.T) {
	good := map[string]string{container.LabelVolume: "v", LabelLayout: agent.Layout, LabelFlavour: "nix", LabelPlatform: "linux/amd64"}
	for _, test := range []struct{ label, value, says string }{
		{LabelLayout, "99", "volume v has layout 99, and " + agent.Layout + " is needed here"},
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

func TestPrepareTellsWhatIsThere(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[{"identity":"a","version":"nix (Nix) 2.26.3"}]}`, "no JSON"}}
	anchor := engine.Container{ID: "anchor"}
	p, err := ours.Prepare(t.Context(), f, anchor)
	if err != nil || len(p.Stamps) != 1 || p.Stamps[0].Version != "nix (Nix) 2.26.3" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := ours.Prepare(t.Context(), f, anchor); err == nil || !strings.Contains(err.Error(), "reading what volume v holds") {
		t.Errorf("no JSON: %v", err)
	}
	if _, err := ours.Prepare(t.Context(), f, anchor); err == nil || err.Error() != "volume v cannot be used: it holds /nix/store and no layout of nixproxy's" {
		t.Errorf("refused: %v", err)
	}
	if f.asked[0] != "anchor: "+agent.Binary+" prepare" {
		t.Errorf("asked %q", f.asked)
	}
}

// told is a Progress that notes what it is told.
type told []string

func (p *told) Set(done, total int64) { *p = append(*p, fmt.Sprint(done, "/", total)) }
func (p *told) End(err error)         { *p = append(*p, fmt.Sprint("end ", err)) }

func TestReadEvents(t *testing.T) {
	var p told
	stamp, err := readEvents(strings.NewReader(`{"total":3}
{"done":3,"total":3}
{"stamp":{"identity":"a"}}
{"done":9}`), &p)
	if err != nil || stamp.Identity != "a" || !slices.Equal(p, told{"0/3", "3/3"}) {
		t.Errorf("%+v, %v, told %q", stamp, err, p)
	}
	for content, says := range map[string]string{
		"": "ended before its job did", `{"done":1}`: "ended before its job did", `{"done":`: "reading its progress: unexpected EOF", "panic": "reading its progress",
	} {
		if stamp, err := readEvents(strings.NewReader(content), new(told)); err == nil || stamp != nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, %v", content, stamp, err)
		}
	}
	if _, err := readEvents(broken{}, new(told)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken connection: %v", err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSyncOfAStampedImageAsksOnce(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[{"identity":"b"},{"identity":"a","nix":"/nix/store/n"}]}`}}
	stamp, err := ours.Sync(t.Context(), f, container.Place{}, engine.Container{}, "a", "ref", func() Progress {
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
	stamp, err := ours.Sync(t.Context(), f, container.Place{Volume: "v"}, engine.Container{}, "a", "ref", func() Progress { return new(told) })
	if err != nil || stamp.Nix != "/nix/store/n" || len(f.asked) != 3 || len(f.creates) != 0 {
		t.Errorf("%+v, %v, asked %q", stamp, err, f.asked)
	}
}

func TestSyncTellsWhatFailed(t *testing.T) {
	f := &fake{answers: []string{`{"stamps":[]}`}, creates: []error{errors.New("no space left")}}
	var p told
	_, err := ours.Sync(t.Context(), f, container.Place{Volume: "v"}, engine.Container{}, "a", "ref", func() Progress { return &p })
	if err == nil || err.Error() != "syncing image ref into volume v: no space left" || !slices.Equal(p, told{"end no space left"}) {
		t.Errorf("%v, told %q", err, p)
	}
	if _, err := ours.Sync(t.Context(), &fake{}, container.Place{}, engine.Container{}, "a", "ref", nil); err == nil || !strings.HasPrefix(err.Error(), "volume v cannot be used") {
		t.Errorf("a foreign volume: %v", err)
	}
}
