package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin/agentbintest"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/nixstore/storetest"
	"github.com/nixproxy/nixproxy/internal/proxy"
	"github.com/nixproxy/nixproxy/internal/proxy/proxytest"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/volume/volumetest"
)

// The variables by which this program is the host's nix-store.
const (
	storeVariable   = "NIXPROXY_TEST_STORE"   // its directory
	refusalVariable = "NIXPROXY_TEST_REFUSAL" // what it says to what is added; empty: nothing
)

func TestMain(m *testing.M) {
	dir := os.Getenv(storeVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	var refusal error
	if text := os.Getenv(refusalVariable); text != "" {
		refusal = errors.New(text)
	}
	if err := (storetest.Store{Dir: dir}).Serve(os.Stdin, os.Stdout, refusal); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Both are a host with a store, and a volume with one.
type both struct {
	*proxytest.World
	*proxy.Proxy
	host   storetest.Store
	volume *volumetest.Store
	roots  string // file of the roots that the host's Nix was asked to make
}

func newBoth(t *testing.T) *both {
	t.Helper()
	w := proxytest.New(t)
	b := &both{World: w, host: storetest.Store{Dir: t.TempDir()}, volume: &volumetest.Store{Store: storetest.Store{Dir: t.TempDir()}}, roots: filepath.Join(t.TempDir(), "roots")}
	b.volume.AddTo(w.Engine)
	b.installNix(t, "")
	w.Run = func(s *session.Session) {
		_ = s.Started()
		if !slices.Equal(s.Request.Argv, []string{"nix-store", "--serve", "--write"}) {
			t.Errorf("a session runs %q", s.Request.Argv)
		}
		_ = b.volume.Serve(s, s, nil)
		s.Exit(session.Exit{}, 0)
	}
	b.Proxy = &proxy.Proxy{
		Settings: w.Settings, Terminal: w.Terminal, State: w.State, Agents: agentbintest.Agents(),
		Host:      proxy.Host{System: "linux", Dir: w.Dir, Home: w.Home},
		NewEngine: func(engine.Endpoint, string) (proxy.Engine, error) { return w.Engine, nil },
	}
	return b
}

// installNix puts a Nix on the host whose nix-store is this program.
func (b *both) installNix(t *testing.T, refusal string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b.InstallNix(t, map[string]string{"nix": "exit 1", "nix-store": fmt.Sprintf(
		`case $1 in --serve) %s=%s %s=%q exec %s ;; esac
echo "$*" >>%s`, storeVariable, b.host.Dir, refusalVariable, refusal, self, b.roots)})
}

// fill makes paths valid in a store: a needs b and c, and b needs c.
func fill(t *testing.T, s storetest.Store) (a, b, c nixstore.Info) {
	t.Helper()
	var errs [3]error
	c, errs[0] = s.Add("c", "the content of c")
	b, errs[1] = s.Add("b", "the content of b", "c")
	a, errs[2] = s.Add("a", "the content of a", "b", "c")
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	return a, b, c
}

func paths(infos ...nixstore.Info) (all []nixstore.Path) {
	for _, i := range infos {
		all = append(all, i.Path)
	}
	return all
}

// sameIn fails the test if the paths are not in both stores with the same archive.
func (b *both) sameIn(t *testing.T, all ...nixstore.Info) {
	t.Helper()
	for _, i := range all {
		here, err1 := b.host.Archive(i.Path)
		there, err2 := b.volume.Archive(i.Path)
		if err := errors.Join(err1, err2); err != nil || !bytes.Equal(here, there) {
			t.Errorf("%s: %d bytes here and %d there, %v", i.Path, len(here), len(there), err)
		}
	}
}

func TestSyncFromHostCopiesWhatTheVolumeLacks(t *testing.T) {
	b := newBoth(t)
	x, y, z := fill(t, b.host)
	if _, err := b.volume.Add("c", "the content of c"); err != nil {
		t.Fatal(err)
	}
	b.Link(t, "result", string(x.Path))
	if infos, err := SyncFromHostDryRun(t.Context(), b.Proxy, []string{"result"}); err != nil || !slices.Equal(paths(infos...), paths(z, y, x)) {
		t.Errorf("without a volume: %q, %v", paths(infos...), err)
	}
	b.WantCalls()
	b.AddVolume(proxytest.Stamp())
	infos, err := SyncFromHostDryRun(t.Context(), b.Proxy, []string{"result"})
	if err != nil || !slices.Equal(paths(infos...), paths(y, x)) {
		t.Errorf("with one: %q, %v", paths(infos...), err)
	}
	if len(b.volume.Paths()) != 1 {
		t.Errorf("the dry run has copied: %q", b.volume.Paths())
	}
	if err := SyncFromHost(t.Context(), b.Proxy, []string{"result"}, true); err != nil {
		t.Fatalf("%v\n%s", err, b.Shown())
	}
	b.sameIn(t, x, y, z)
	if got := b.volume.Received; len(got) != 1 || !slices.Equal(got[0].Roots, paths(x)) || len(got[0].Closure) != 3 {
		t.Errorf("requested: %+v", got)
	}
	if got, _ := b.volume.Info(x.Path); !slices.Equal(got.Sigs, x.Sigs) {
		t.Errorf("the signatures are %q", got.Sigs)
	}
	if !strings.Contains(b.Shown(), "copying 2 store paths into volume "+proxytest.Volume) {
		t.Errorf("shown: %s", b.Shown())
	}
	if err := SyncFromHost(t.Context(), b.Proxy, []string{string(y.Path)}, false); err != nil {
		t.Error(err)
	}
	if got := b.volume.Received; len(got) != 2 || len(got[1].Roots) != 0 {
		t.Errorf("without roots: %+v", got[1:])
	}
}

func TestSyncFromHostRefusals(t *testing.T) {
	b := newBoth(t)
	fill(t, b.host)
	for name, says := range map[string]string{
		string(storetest.Path("d")): "is not in this host's store\nhint: get it with `nix-store --realise",
		"/etc/passwd":               "is not in /nix/store",
		"":                          "no path is given",
	} {
		if err := SyncFromHost(t.Context(), b.Proxy, []string{name}, true); err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := SyncFromHostDryRun(t.Context(), b.Proxy, []string{name}); err == nil || !strings.Contains(hint.Text(err), says) {
			t.Errorf("%q, dry: %v", name, err)
		}
	}
	b.WantCalls()
}

// A file may have changed on a disk since it was registered.
func TestSyncFromHostTellsWhatHasChanged(t *testing.T) {
	b := newBoth(t)
	_, _, z := fill(t, b.host)
	nar, err := b.host.Archive(z.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.host.Register(z, bytes.Replace(nar, []byte("of c"), []byte("OF C"), 1)); err != nil {
		t.Fatal(err)
	}
	err = SyncFromHost(t.Context(), b.Proxy, []string{string(z.Path)}, true)
	if err == nil || !strings.Contains(hint.Text(err), "in this host's store, and was not copied\nhint: `nix-store --repair-path "+string(z.Path)) {
		t.Errorf("got %v", err)
	}
}

func TestSyncFromHostTellsWhatTheVolumeSays(t *testing.T) {
	b := newBoth(t)
	x, _, _ := fill(t, b.host)
	b.Program(agentapi.ModeReceive, enginetest.Refuse("no space left"))
	err := SyncFromHost(t.Context(), b.Proxy, []string{string(x.Path)}, true)
	if err == nil || err.Error() != "copying into volume "+proxytest.Volume+": no space left" {
		t.Errorf("got %v", err)
	}
	// Somebody else copies, and then asks for what it is not to have.
	b.Program(agentapi.ModeReceive, enginetest.Print(`{"wait":true}`+"\n"+`{"missing":["/nix/store/secret"]}`+"\n"))
	err = SyncFromHost(t.Context(), b.Proxy, []string{string(x.Path)}, true)
	if err == nil || !strings.Contains(err.Error(), `asks for "/nix/store/secret"`) {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(b.Shown(), "waiting for another nixproxy that copies into volume "+proxytest.Volume) {
		t.Errorf("shown: %s", b.Shown())
	}
}

func TestSyncToHostCopiesWhatTheHostLacks(t *testing.T) {
	b := newBoth(t)
	x, y, z := fill(t, b.volume.Store)
	if _, err := b.host.Add("c", "the content of c"); err != nil {
		t.Fatal(err)
	}
	b.Link(t, "result", string(x.Path))
	infos, err := SyncToHostDryRun(t.Context(), b.Proxy, []string{"result"})
	if err != nil || !slices.Equal(paths(infos...), paths(y, x)) {
		t.Errorf("%q, %v\n%s", paths(infos...), err, b.Shown())
	}
	if len(b.host.Paths()) != 1 {
		t.Errorf("the dry run has copied: %q", b.host.Paths())
	}
	if err := SyncToHost(t.Context(), b.Proxy, []string{"result", string(y.Path)}, true); err != nil {
		t.Fatalf("%v\n%s", err, b.Shown())
	}
	b.sameIn(t, x, y, z)
	link := filepath.Join(b.Dir, "result")
	if roots, err := os.ReadFile(b.roots); err != nil || string(roots) != "--realise "+string(x.Path)+" --add-root "+link+" --indirect\n" {
		t.Errorf("roots: %q, %v", roots, err)
	}
	if err := os.Remove(b.roots); err != nil {
		t.Fatal(err)
	}
	if err := SyncToHost(t.Context(), b.Proxy, []string{"result"}, false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(b.roots); err == nil {
		t.Error("a root was made all the same")
	}
}

func TestSyncToHostRefusals(t *testing.T) {
	b := newBoth(t)
	x, _, z := fill(t, b.volume.Store)
	if err := SyncToHost(t.Context(), b.Proxy, []string{string(storetest.Path("d"))}, true); err == nil || !strings.Contains(hint.Text(err), "is not in the volume\nhint: build it there") {
		t.Errorf("absent: %v", err)
	}
	b.installNix(t, storetest.ErrUntrusted.Error())
	if err := SyncToHost(t.Context(), b.Proxy, []string{string(x.Path)}, true); err == nil || !strings.Contains(err.Error(), "this host's Nix does not trust "+string(z.Path)) {
		t.Errorf("untrusted: %v", err)
	}
	b.installNix(t, "")
	nar, err := b.volume.Archive(z.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.volume.Register(z, bytes.Replace(nar, []byte("of c"), []byte("OF C"), 1)); err != nil {
		t.Fatal(err)
	}
	if err := SyncToHost(t.Context(), b.Proxy, []string{string(x.Path)}, true); err == nil || !strings.Contains(hint.Text(err), "in the volume, and was not copied\nhint: `nixproxy volume verify`") {
		t.Errorf("changed: %v", err)
	}
	b.InstallNix(t, map[string]string{"nix-store": "echo 'error: no daemon' >&2; exit 1"})
	if err := SyncToHost(t.Context(), b.Proxy, []string{string(x.Path)}, true); err == nil || !strings.Contains(err.Error(), "no daemon") {
		t.Errorf("no store: %v", err)
	}
}

func TestARootThatCannotBeMade(t *testing.T) {
	b := newBoth(t)
	x, _, _ := fill(t, b.volume.Store)
	b.Link(t, "result", string(x.Path))
	b.installNix(t, "")
	script := filepath.Join(os.Getenv("PATH"), "nix-store")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text[:bytes.LastIndex(text, []byte("echo"))], "echo 'permission denied' >&2; exit 1\n"...)
	if err := os.WriteFile(script, text, 0o700); err != nil {
		t.Fatal(err)
	}
	err = SyncToHost(t.Context(), b.Proxy, []string{"result"}, true)
	if err == nil || !strings.Contains(err.Error(), "all is copied, but ") || !strings.Contains(err.Error(), "could not be made a root") || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("got %v", err)
	}
}

// stamped is a volume's store with an image's.
func stamped(t *testing.T, s *volumetest.Store) (stamp agentapi.Stamp, x, y, z nixstore.Info) {
	t.Helper()
	x, y, z = fill(t, s.Store)
	stamp = proxytest.Stamp()
	stamp.Nix, stamp.Profile = string(y.Path), string(z.Path)
	s.Stamps, s.Roots = []agentapi.Stamp{stamp}, paths(x)
	return stamp, x, y, z
}

func TestWhatWasExportedIsImported(t *testing.T) {
	from := newBoth(t)
	stamp, x, y, z := stamped(t, from.volume)
	from.AddVolume(stamp)
	var all, one bytes.Buffer
	if err := Export(t.Context(), from.Proxy, "1.0", nil, &all); err != nil {
		t.Fatal(err)
	}
	if err := Export(t.Context(), from.Proxy, "1.0", []string{string(y.Path)}, &one); err != nil {
		t.Fatal(err)
	}
	for _, call := range from.Calls() {
		if strings.HasPrefix(call, "create "+proxytest.Throwaway) || strings.HasPrefix(call, "pull") {
			t.Errorf("an export needs %s", call)
		}
	}
	for name, test := range map[string]struct {
		archive []byte
		held    []nixstore.Path
		images  int
		arrives []nixstore.Info
	}{
		"all":     {all.Bytes(), paths(x), 1, []nixstore.Info{x, y, z}},
		"one":     {one.Bytes(), paths(y), 0, []nixstore.Info{y, z}},
		"nothing": {all.Bytes(), paths(x), 1, nil},
	} {
		to := newBoth(t)
		to.AddVolume(proxytest.Stamp())
		if test.arrives == nil {
			fill(t, to.volume.Store)
		}
		if err := Import(t.Context(), to.Proxy, "the archive", bytes.NewReader(test.archive)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, to.Shown())
			continue
		}
		if got := to.volume.Received; len(got) != 1 || !slices.Equal(got[0].Roots, test.held) || len(got[0].Images) != test.images {
			t.Errorf("%s: requested %+v", name, got)
		}
		if missing := to.volume.Missing(paths(test.arrives...)); len(missing) > 0 {
			t.Errorf("%s: %q did not arrive", name, missing)
		}
		if !strings.Contains(to.Shown(), fmt.Sprintf("volume %s holds what is in the archive", proxytest.Volume)) {
			t.Errorf("%s: shown %s", name, to.Shown())
		}
	}
}

// An import takes place in a volume whose image's store was copied before.
func TestImportFillsAnEmptyVolumeFirst(t *testing.T) {
	from := newBoth(t)
	stamp, x, _, _ := stamped(t, from.volume)
	from.AddVolume(stamp)
	var archive bytes.Buffer
	if err := Export(t.Context(), from.Proxy, "1.0", nil, &archive); err != nil {
		t.Fatal(err)
	}
	to := newBoth(t)
	if err := Import(t.Context(), to.Proxy, "it", bytes.NewReader(archive.Bytes())); err != nil {
		t.Fatal(err)
	}
	calls := to.Calls()
	sync, receive := slices.Index(calls, "start "+proxytest.Throwaway), slices.Index(calls, "exec "+proxytest.Anchor+" receive")
	if sync < 0 || receive < sync || len(to.volume.Missing(paths(x))) > 0 {
		t.Errorf("the order was %q", calls)
	}
	// Without an image that can be had it says which would do.
	to = newBoth(t)
	to.Proxy.Settings.NixVersion, to.Proxy.Settings.Pull = "2.8.0", "never"
	err := Import(t.Context(), to.Proxy, "it", bytes.NewReader(archive.Bytes()))
	if err == nil || !strings.Contains(err.Error(), "nothing of it was imported") || !strings.Contains(err.Error(), "the archive goes with "+stamp.Reference) {
		t.Errorf("got %v", err)
	}
}

func TestImportRefusesBeforeItWrites(t *testing.T) {
	from := newBoth(t)
	stamp, _, _, z := stamped(t, from.volume)
	from.AddVolume(stamp)
	var good bytes.Buffer
	if err := Export(t.Context(), from.Proxy, "1.0", nil, &good); err != nil {
		t.Fatal(err)
	}
	nar, err := from.volume.Archive(z.Path)
	if err == nil {
		err = from.volume.Register(z, bytes.Replace(nar, []byte("of c"), []byte("OF C"), 1))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Export(t.Context(), from.Proxy, "1.0", nil, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "exporting volume "+proxytest.Volume) {
		t.Errorf("what has changed was exported: %v", err)
	}
	damaged := bytes.Clone(good.Bytes())
	damaged[len(damaged)/2] ^= 0xff
	for name, test := range map[string]struct {
		archive []byte
		flavour string
		says    string
	}{
		"cut":            {good.Bytes()[:good.Len()/2], "nix", ""},
		"damaged":        {damaged, "nix", ""},
		"something else": {[]byte("hello"), "nix", ""},
		"for another":    {good.Bytes(), "lix", "it comes from a volume for nix on linux/amd64"},
	} {
		to := newBoth(t)
		to.AddVolume(proxytest.Stamp())
		if test.flavour != "nix" {
			v, _ := to.FindVolume(t.Context(), proxytest.Volume)
			v.Labels["dev.nixproxy.flavour"] = test.flavour
		}
		err := Import(t.Context(), to.Proxy, "it", bytes.NewReader(test.archive))
		if err == nil || !strings.HasPrefix(err.Error(), "nothing of it was imported: ") || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if len(to.volume.Received) > 0 || slices.Contains(to.Calls(), "exec "+proxytest.Anchor+" receive") {
			t.Errorf("%s: it was received", name)
		}
	}
}

func TestExportRefusals(t *testing.T) {
	b := newBoth(t)
	if err := Export(t.Context(), b.Proxy, "1.0", []string{"/etc"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "is not in /nix/store") {
		t.Errorf("no store path: %v", err)
	}
	if err := Export(t.Context(), b.Proxy, "1.0", nil, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "there is no volume") {
		t.Errorf("no volume: %v", err)
	}
	b.AddVolume(proxytest.Stamp())
	err := Export(t.Context(), b.Proxy, "1.0", []string{string(storetest.Path("d"))}, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "d is not in the volume") {
		t.Errorf("absent: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Export(ctx, b.Proxy, "1.0", nil, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}
