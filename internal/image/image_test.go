package image

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/klauspost/compress/zstd"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// newEngine is an engine that has images, by their references.
func newEngine(t *testing.T, has map[string]engine.Image) *enginetest.Engine {
	e := enginetest.New(t)
	for ref, i := range has {
		e.AddImage(i, ref)
	}
	return e
}

// pulled is what an engine was asked to pull, also in vain.
func pulled(e *enginetest.Engine) (refs []string) {
	for _, request := range e.Requests() {
		if ref, ok := strings.CutPrefix(request, "pull "); ok {
			refs = append(refs, ref)
		}
	}
	return refs
}

// refuse has an engine fail to pull references.
func refuse(e *enginetest.Engine, errs map[string]error) {
	e.Before = func(call, ref string) error {
		if call == "pull" {
			return errs[ref]
		}
		return nil
	}
}

func anImage(id string) engine.Image {
	return engine.Image{ID: id, OS: "linux", Arch: "amd64", Layers: []string{id}}
}

func quiet() *terminal.Terminal { return terminal.New(io.Discard, terminal.Options{}) }

func nix(v string) version.Nix { return version.Nix{Version: v, Flavour: version.FlavourNix} }

// tagged is a registry on loopback that has the tags, and the template for it.
func tagged(t *testing.T, tags ...string) (template string) {
	t.Helper()
	server := httptest.NewServer(registry.New())
	t.Cleanup(server.Close)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	repository := server.Listener.Addr().String() + "/nixos/nix"
	for _, tag := range tags {
		ref, err := name.ParseReference(repository + ":" + tag)
		if err != nil {
			t.Fatal(err)
		}
		if err := remote.Write(ref, empty.Image); err != nil {
			t.Fatal(err)
		}
	}
	return repository + ":{version}"
}

func TestReferences(t *testing.T) {
	lix := version.Nix{Version: "2.93.0", Flavour: version.FlavourLix}
	for _, test := range []struct {
		name     string
		source   Source
		nix      version.Nix
		refs     []string
		promised bool
	}{
		{"the flavour's", Source{}, nix("2.26.3"), []string{"nixos/nix:2.26.3"}, true},
		{"two spellings", Source{}, nix("2.4"), []string{"nixos/nix:2.4", "nixos/nix:2.4.0"}, true},
		{"Lix", Source{}, lix, []string{"ghcr.io/lix-project/lix:2.93.0", "ghcr.io/lix-project/lix:2.93"}, true},
		{"a template", Source{Template: "r.example/a/nix-{version}:x{version}"}, nix("2.26.3"), []string{"r.example/a/nix-2.26.3:x2.26.3"}, true},
		{"a plain one", Source{Template: "my/nix:tag"}, nix("2.26.3"), []string{"my/nix:tag"}, false},
		{"without a tag", Source{Template: "my/nix"}, nix("2.26.3"), []string{"my/nix:latest"}, false},
		{"a digest", Source{Template: "my/nix@sha256:" + strings.Repeat("a", 64)}, nix("2.26.3"), []string{"my/nix@sha256:" + strings.Repeat("a", 64)}, false},
		{"a mirror", Source{Registry: "mirror.example"}, nix("2.26.3"), []string{"mirror.example/nixos/nix:2.26.3"}, true},
		{"a mirror with port and path", Source{Registry: "mirror:5000/hub/"}, nix("2.26.3"), []string{"mirror:5000/hub/nixos/nix:2.26.3"}, true},
		{"a mirror of Lix", Source{Registry: "mirror:5000"}, lix, []string{"mirror:5000/lix-project/lix:2.93.0", "mirror:5000/lix-project/lix:2.93"}, true},
		{"a registry in capital letters", Source{Template: "R.Example:5000/nix:1"}, nix("2.26.3"), []string{"R.Example:5000/nix:1"}, false},
		{"a mirror of one word", Source{Registry: "mirror:5000", Template: "nix:1"}, nix("2.26.3"), []string{"mirror:5000/library/nix:1"}, false},
	} {
		refs, promised, err := test.source.References(test.nix)
		if err != nil || !slices.Equal(refs, test.refs) || promised != test.promised {
			t.Errorf("%s: got %q, promised %v, %v", test.name, refs, promised, err)
		}
	}
	for _, source := range []Source{{Template: "Not/A:Ref:{version}"}, {Template: "UPPER"}, {Template: "NixOS/nix:{version}"}, {Template: "NixOS/nix"}, {Registry: "https://mirror"}, {Registry: "a b"}} {
		if refs, _, err := source.References(nix("2.26.3")); err == nil {
			t.Errorf("%+v gives %q", source, refs)
		}
	}
}

func TestFindTakesWhatIsThere(t *testing.T) {
	here := "nixos/nix:2.26.3"
	for _, pull := range []string{"", PullMissing, PullNever} {
		f := newEngine(t, map[string]engine.Image{here: anImage("i")})
		i, err := (Source{Pull: pull}).Find(t.Context(), f, nix("2.26.3"), quiet())
		if err != nil || i.ID != "i" || i.Reference != here || i.Version != "2.26.3" || i.Identity != Identity(i.Image) || len(pulled(f)) > 0 {
			t.Errorf("%s: %+v, %v, pulled %q", pull, i, err, pulled(f))
		}
	}
	f := newEngine(t, map[string]engine.Image{here: anImage("old")})
	f.Registry[here] = anImage("new")
	if i, err := (Source{Pull: PullAlways}).Find(t.Context(), f, nix("2.26.3"), quiet()); err != nil || i.ID != "new" {
		t.Errorf("always: %+v, %v", i, err)
	}
	// Another spelling that is there beats one that must be pulled.
	f = newEngine(t, map[string]engine.Image{"nixos/nix:2.4.0": anImage("i")})
	f.Registry["nixos/nix:2.4"] = anImage("j")
	if i, err := (Source{}).Find(t.Context(), f, nix("2.4"), quiet()); err != nil || i.Reference != "nixos/nix:2.4.0" || len(pulled(f)) > 0 {
		t.Errorf("two spellings: %+v, %v, pulled %q", i, err, pulled(f))
	}
}

func TestFindNeverPullsWhenToldSo(t *testing.T) {
	f := newEngine(t, nil)
	f.Registry["nixos/nix:2.26.3"] = anImage("i")
	_, err := (Source{Pull: PullNever}).Find(t.Context(), f, nix("2.26.3"), quiet())
	if err == nil || !strings.Contains(hint.Text(err), "image nixos/nix:2.26.3 is not on the engine and --pull is never\nhint: load it") || len(pulled(f)) > 0 {
		t.Errorf("%v, pulled %q", err, pulled(f))
	}
	f.AddImage(anImage("i"), "nixos/nix:2.26.3")
	_, err = (Source{Pull: PullNever, Platform: "linux/arm64"}).Find(t.Context(), f, nix("2.26.3"), quiet())
	if err == nil || !strings.Contains(hint.Text(err), "image nixos/nix:2.26.3 is for linux/amd64 and linux/arm64 is wanted\nhint: choose the platform") || len(pulled(f)) > 0 {
		t.Errorf("of another platform: %v, pulled %q", err, pulled(f))
	}
}

func TestFindGoesDownTheLadder(t *testing.T) {
	template := tagged(t, "2.26.0", "2.26.1", "2.26.4", "2.26.6", "2.27.3", "latest")
	ref := func(tag string) string { return strings.ReplaceAll(template, "{version}", tag) }
	arm := anImage("arm")
	arm.Arch = "arm64"
	for _, test := range []struct {
		name     string
		want     string
		has      []string
		gives    map[string]engine.Image
		fails    map[string]error
		platform string
		got      string
		pulled   []string
		warns    bool
	}{
		{name: "exact", want: "2.26.4", gives: map[string]engine.Image{"2.26.4": anImage("i")}, got: "2.26.4", pulled: []string{"2.26.4"}},
		{name: "two parts", want: "2.4.0", gives: map[string]engine.Image{"2.4": anImage("i")}, got: "2.4", pulled: []string{"2.4.0", "2.4"}},
		{name: "nearest", want: "2.26.3", gives: map[string]engine.Image{"2.26.4": anImage("i"), "2.26.1": anImage("j")},
			got: "2.26.4", pulled: []string{"2.26.3", "2.26.4"}, warns: true},
		{name: "nearest, there already", want: "2.26.3", has: []string{"2.26.4"}, got: "2.26.4", pulled: []string{"2.26.3"}, warns: true},
		{name: "nearest not for this platform", want: "2.26.3",
			fails: map[string]error{"2.26.4": errors.New("no matching manifest for linux/arm64 in the manifest list entries")},
			gives: map[string]engine.Image{"2.26.1": anImage("i")}, got: "2.26.1", pulled: []string{"2.26.3", "2.26.4", "2.26.1"}, warns: true},
		{name: "another platform came", want: "2.26.4", platform: "linux/arm64",
			gives: map[string]engine.Image{"2.26.4": anImage("amd"), "2.26.6": arm}, got: "2.26.6", pulled: []string{"2.26.4", "2.26.6"}, warns: true},
	} {
		f, fails := newEngine(t, nil), map[string]error{}
		for _, tag := range test.has {
			f.AddImage(anImage(tag), ref(tag))
		}
		for tag, i := range test.gives {
			f.Registry[ref(tag)] = i
		}
		for tag, err := range test.fails {
			fails[ref(tag)] = err
		}
		refuse(f, fails)
		var out bytes.Buffer
		source := Source{Template: template, Platform: test.platform}
		i, err := source.Find(t.Context(), f, nix(test.want), terminal.New(&out, terminal.Options{}))
		if err != nil || i.Reference != ref(test.got) {
			t.Errorf("%s: got %s, %v", test.name, i.Reference, err)
		}
		var tags []string
		for _, p := range pulled(f) {
			_, tag := cutTag(p)
			tags = append(tags, tag)
		}
		if !slices.Equal(tags, test.pulled) {
			t.Errorf("%s: pulled %q, want %q", test.name, tags, test.pulled)
		}
		if warned := strings.Contains(out.String(), "warning: "); warned != test.warns || warned && !strings.Contains(out.String(), "using "+test.got) {
			t.Errorf("%s: wrote %q", test.name, &out)
		}
		if wantVersion := test.got; test.warns && i.Version != wantVersion {
			t.Errorf("%s: it promises %s", test.name, i.Version)
		}
	}
}

func TestFindOffersChoices(t *testing.T) {
	template := tagged(t, "2.26.3", "2.27.0", "2.28.1", "latest")
	_, err := (Source{Template: template}).Find(t.Context(), newEngine(t, nil), nix("2.99.1"), quiet())
	if err == nil || !strings.Contains(hint.Text(err), "has no image of Nix 2.99.1; it has 2.28.1, 2.27.0, 2.26.3\nhint: choose one with --nix-version") {
		t.Errorf("got %v", err)
	}
	f := newEngine(t, nil)
	if _, err := (Source{Template: template}).Find(t.Context(), f, nix("2.27.0pre20240910_1a2b3c4"), quiet()); err == nil || len(pulled(f)) != 1 {
		t.Errorf("a snapshot: %v, pulled %q", err, pulled(f)) // the nearest alone, as it has no tag
	}
}

func TestFindEndsAtWhatIsNoAbsence(t *testing.T) {
	for _, text := range []string{
		"Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host",
		"unauthorized: authentication required",
		"toomanyrequests: You have reached your pull rate limit",
		`error getting credentials - err: exec: "docker-credential-desktop": executable file not found in $PATH, out: ""`,
		"write /var/lib/docker/tmp/x: no space left on device",
	} {
		f := newEngine(t, nil)
		refuse(f, map[string]error{"nixos/nix:2.4": errors.New(text)})
		_, err := (Source{}).Find(t.Context(), f, nix("2.4"), quiet())
		if err == nil || !strings.HasPrefix(err.Error(), text) || !strings.Contains(hint.Of(err), "image load") || len(pulled(f)) != 1 {
			t.Errorf("%s: got %v, pulled %q", text, err, pulled(f))
		}
	}
}

func TestFindOfAPlainReferencePromisesNothing(t *testing.T) {
	f := newEngine(t, nil)
	f.Registry["my/nix:tag"] = anImage("i")
	if i, err := (Source{Template: "my/nix:tag"}).Find(t.Context(), f, nix("2.26.3"), quiet()); err != nil || i.Version != "" {
		t.Errorf("%+v, %v", i, err)
	}
	if _, err := (Source{Template: "my/nix:other"}).Find(t.Context(), newEngine(t, nil), nix("2.26.3"), quiet()); err == nil || !strings.Contains(err.Error(), "manifest unknown") {
		t.Errorf("got %v", err)
	}
}

func TestIdentity(t *testing.T) {
	base := engine.Image{ID: "a", Tags: []string{"x"}, OS: "linux", Arch: "arm64", Variant: "v8", Layers: []string{"1", "2"}, Env: []string{"A=b"}, Size: 1, Created: "now"}
	same := base
	same.ID, same.Tags, same.Size, same.Created = "b", nil, 2, "then"
	if Identity(same) != Identity(base) || len(Identity(base)) != 24 {
		t.Errorf("%s is not %s: id, tags, size and time are the engine's", Identity(same), Identity(base))
	}
	seen := map[string]bool{Identity(base): true}
	for name, change := range map[string]func(*engine.Image){
		"env": func(i *engine.Image) { i.Env = []string{"A=c"} }, "no env": func(i *engine.Image) { i.Env = nil },
		"arch": func(i *engine.Image) { i.Arch = "amd64" }, "os": func(i *engine.Image) { i.OS = "x" }, "variant": func(i *engine.Image) { i.Variant = "" },
		"layers": func(i *engine.Image) { i.Layers = []string{"1"} }, "order": func(i *engine.Image) { i.Layers = []string{"2", "1"} },
	} {
		other := base
		change(&other)
		if seen[Identity(other)] {
			t.Errorf("%s does not change the identity", name)
		}
		seen[Identity(other)] = true
	}
	if Identity(engine.Image{}) != Identity(engine.Image{Layers: []string{}, Env: []string{}}) {
		t.Error("none and empty are told apart, as engines do not")
	}
}

func TestLayersAddUp(t *testing.T) {
	l := layers{}
	for _, step := range []struct {
		event       engine.PullEvent
		done, total int64
	}{
		{engine.PullEvent{Layer: "2.26.3", Status: "Pulling from nixos/nix"}, 0, 0},
		{engine.PullEvent{Layer: "a", Status: "Pulling fs layer"}, 0, 0},
		{engine.PullEvent{Layer: "a", Status: "Downloading", Done: 10, Total: 100}, 10, 100},
		{engine.PullEvent{Layer: "b", Status: "Downloading", Done: 1, Total: 50}, 11, 150},
		{engine.PullEvent{Layer: "c", Status: "Downloading", Done: 7}, 11, 150}, // of unknown size
		{engine.PullEvent{Layer: "b", Status: "Download complete"}, 60, 150},
		{engine.PullEvent{Layer: "b", Status: "Extracting", Done: 3, Total: 50}, 60, 150},
		{engine.PullEvent{Layer: "a", Status: "Extracting", Done: 3, Total: 100}, 150, 150},
		{engine.PullEvent{Layer: "a", Status: "Pull complete"}, 150, 150},
	} {
		l.note(step.event)
		if done, total := l.sum(); done != step.done || total != step.total {
			t.Errorf("after %+v: %d of %d, want %d of %d", step.event, done, total, step.done, step.total)
		}
	}
}

func TestList(t *testing.T) {
	f := newEngine(t, map[string]engine.Image{
		"nixos/nix:2.8.0": anImage("a"), "nixos/nix:2.26.3": anImage("b"), "ghcr.io/lix-project/lix:2.93.0": anImage("c"),
		"mirror:5000/nixos/nix:2.26.3": anImage("b"), "debian:12": anImage("d"), "my/nix:1": anImage("e"),
	})
	for _, test := range []struct {
		source Source
		want   []string
	}{
		{Source{}, []string{"ghcr.io/lix-project/lix:2.93.0", "nixos/nix:2.26.3", "nixos/nix:2.8.0"}},
		{Source{Registry: "mirror:5000"}, []string{"ghcr.io/lix-project/lix:2.93.0", "mirror:5000/nixos/nix:2.26.3", "nixos/nix:2.26.3", "nixos/nix:2.8.0"}},
		{Source{Template: "my/nix:{version}"}, []string{"my/nix:1"}},
		{Source{Template: "none/nix:{version}"}, nil},
	} {
		rows, err := test.source.List(t.Context(), f)
		var got []string
		for _, r := range rows {
			got = append(got, r.Reference)
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %q, %v", test.source, got, err)
		}
	}
}

// saver has the images a:1 and b:2.
func saver(t *testing.T) *enginetest.Engine {
	return newEngine(t, map[string]engine.Image{"a:1": anImage("a"), "b:2": anImage("b")})
}

func TestSaveAndLoad(t *testing.T) {
	archive, err := saver(t).SaveImages(t.Context(), []string{"a:1", "b:2"})
	if err != nil {
		t.Fatal(err)
	}
	want, err := io.ReadAll(archive)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Save(t.Context(), saver(t), []string{"a:1", "b:2"}, &out, quiet()); err != nil || !bytes.Equal(out.Bytes(), want) {
		t.Errorf("%q, %v", &out, err)
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, archive := range [][]byte{out.Bytes(), encoder.EncodeAll(out.Bytes(), nil)} {
		if refs, err := Load(t.Context(), saver(t), "a file", bytes.NewReader(archive), 7, quiet()); err != nil || !slices.Equal(refs, []string{"a:1", "b:2"}) {
			t.Errorf("%q, %v", refs, err)
		}
	}
	if err := Save(t.Context(), saver(t), []string{"a:1"}, full{}, quiet()); err == nil || !strings.Contains(err.Error(), "saving a:1: no space") {
		t.Errorf("a full disk: %v", err)
	}
}

// broken is an engine that ends what it saves before its end, or after an error
// that it writes in its place.
type broken struct {
	*enginetest.Engine
	keep int
	more string
}

func (b *broken) SaveImages(ctx context.Context, refs []string) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(bytes.NewReader(enginetest.Tar("manifest.json", "x")[:b.keep]), strings.NewReader(b.more))), nil
}

func TestWhatIsSavedIsWhole(t *testing.T) {
	err := Save(t.Context(), saver(t), []string{"a:1", "c:3"}, io.Discard, quiet())
	if err == nil || !strings.Contains(err.Error(), "there is no image c:3 on the engine") {
		t.Errorf("an image that is not there: %v", err)
	}
	for _, e := range []*broken{{keep: 100}, {more: `{"error":"no such layer"}`}, {keep: 1024, more: `{"error":"no such layer"}`}, {}} {
		e.Engine = saver(t)
		err := Save(t.Context(), e, []string{"a:1"}, io.Discard, quiet())
		if err == nil || !strings.Contains(err.Error(), "saving a:1: the engine wrote no whole archive") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// What keeps an engine from loading is told in the user's words.
func TestLoadRefused(t *testing.T) {
	whole := enginetest.Tar("manifest.json", rand.Text()+strings.Repeat(rand.Text()+rand.Text(), 100))
	for says, archive := range map[string][]byte{
		"the archive ends too early":                whole[:3000],
		"ends too early\nhint: copy it again":       zipped(whole)[:180],
		"loading a file: this is no archive":        []byte("hello"),
		"this is no archive of images":              bytes.Repeat([]byte("hello"), 1000),
		"\nhint: `nixproxy volume import` takes it": append(enginetest.Tar("manifest.json", "")[:512], enginetest.Tar("nar/x.nar", "")...),
		"early\nhint: copy it again, whole":         whole[:600],
	} {
		_, err := Load(t.Context(), saver(t), "a file", bytes.NewReader(archive), 0, quiet())
		if err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("not %q: %v", says, err)
		}
	}
	for says, archive := range map[string][]byte{
		"loading a file: this is no archive": enginetest.Tar("hello", ""), "wrong: this is an OCI layout, which not every engine loads\nhint: `skopeo copy": enginetest.Tar("index.json", ""), "wrong": enginetest.Tar("manifest.json", ""),
	} {
		_, err := Load(t.Context(), &refusing{newEngine(t, nil)}, "a file", bytes.NewReader(archive), 0, quiet())
		if err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("not %q: %v", says, err)
		}
	}
}

type refusing struct{ *enginetest.Engine }

func (*refusing) LoadImages(_ context.Context, archive io.Reader) ([]string, error) {
	_, _ = io.Copy(io.Discard, archive)
	return nil, errors.New("wrong")
}

func zipped(content []byte) []byte {
	var b bytes.Buffer
	to := gzip.NewWriter(&b)
	_, _ = to.Write(content)
	_ = to.Close()
	return b.Bytes()
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

// Engines say in words of their own that a registry has no such image, or none
// for the platform; and what else went wrong must not lead down the ladder.
func TestAbsent(t *testing.T) {
	for text, want := range map[string]bool{
		"manifest for nixos/nix:2.1 not found: manifest unknown: manifest unknown":              true, // Docker 20.10
		`unknown: {"errors":[{"code":"MANIFEST_UNKNOWN","message":"Unknown manifest"}]}`:        true, // Docker 28.5
		"failed to resolve reference \"docker.io/nixos/nix:2.1\": docker.io/a/b:2.1: not found": true, // containerd
		"no matching manifest for linux/arm64 in the manifest list entries":                     true,
		"dial tcp: lookup registry-1.docker.io: no such host":                                   false,
		`exec: "docker-credential-desktop": executable file not found in $PATH`:                 false,
		"no basic auth credentials": false,
		"unexpected EOF":            false,
	} {
		if got := absent(fmt.Errorf("pulling nixos/nix:2.1: %s", text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
