package pins

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// A pinned is a volume, and a project's directory as containers see it.
type pinned struct {
	*testing.T
	volume  layout.Volume
	project string
	table   mountTable
}

func newPinned(t *testing.T) *pinned {
	t.Helper()
	dir := t.TempDir()
	p := &pinned{T: t, volume: layout.Volume(filepath.Join(dir, "nix")), project: filepath.Join(dir, "p")}
	if err := p.volume.Prepare(); err != nil {
		t.Fatal(err)
	}
	p.mkdir(p.project)
	for _, path := range []string{"a", "b"} {
		p.mkdir(filepath.Join(string(p.volume), "store", path))
	}
	p.table = mountTable{{point: "/", root: "/"}, {point: p.project, root: "/home/p", host: true}, {point: string(p.volume), root: "/v"}}
	return p
}

// agent returns the pinner of a container's agent, with the present mounts.
func (p *pinned) agent() *Pinner {
	table := slices.Clone(p.table)
	return newPinner(p.volume, func() mountTable { return table }, nil)
}

func (p *pinned) mkdir(dir string) {
	p.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.Fatal(err)
	}
}

// build does what Nix does: it makes a link to a store path, and an indirect root for it.
func (p *pinned) build(link, storePath string) {
	p.Helper()
	if err := layout.ReplaceLink(storePath, link); err != nil {
		p.Fatal(err)
	}
	auto := p.volume.State("gcroots/auto", pinName(link, "", false))
	p.remove(auto)
	if err := os.Symlink(link, auto); err != nil {
		p.Fatal(err)
	}
}

// collect does what a collector does that sees no project.
func (p *pinned) collect() {
	p.Helper()
	auto, err := filepath.Glob(p.volume.State("gcroots/auto/*"))
	if err != nil || len(auto) == 0 {
		p.Fatalf("nothing to collect: %v", err)
	}
	for _, link := range auto {
		p.remove(link)
	}
}

func (p *pinned) remove(path string) {
	p.Helper()
	if err := os.RemoveAll(path); err != nil {
		p.Fatal(err)
	}
}

func (p *pinned) runSession(pins *Pinner, host string) {
	p.Helper()
	if err := errors.Join(pins.Begin(host), pins.End(host)); err != nil {
		p.Error(err)
	}
}

// want compares a host's pins, and checks that each has its record.
func (p *pinned) want(when, host string, targets ...string) {
	p.Helper()
	found, _ := filepath.Glob(filepath.Join(p.volume.ProjectRoots(host), "*"))
	recorded, _ := filepath.Glob(filepath.Join(records(p.volume, host), "*"))
	held := map[string]bool{}
	for _, pin := range found {
		target, err := os.Readlink(pin)
		if _, bad := os.Readlink(filepath.Join(records(p.volume, host), filepath.Base(pin))); err != nil || bad != nil {
			p.Errorf("%s: %s: %v, its record: %v", when, pin, err, bad)
		}
		held[target] = true
	}
	if len(held) != len(targets) || len(recorded) != len(found) {
		p.Errorf("%s: pins hold %v by %d records, want %q", when, held, len(recorded), targets)
	}
	for _, target := range targets {
		if !held[target] {
			p.Errorf("%s: pins hold %v, want %q", when, held, targets)
		}
	}
}

const storeA, storeB = "/nix/store/a", "/nix/store/b"

func TestPinFollowsItsLink(t *testing.T) {
	p := newPinned(t)
	result := filepath.Join(p.project, "result")
	agent := p.agent()
	p.runSession(agent, "h")
	p.want("before", "h")
	p.build(result, storeA)
	p.runSession(agent, "h")
	p.want("built", "h", storeA)
	p.collect()
	p.runSession(agent, "h")
	p.want("collected elsewhere", "h", storeA)
	if err := layout.ReplaceLink(storeB+"/bin", result); err != nil {
		t.Fatal(err)
	}
	p.runSession(p.agent(), "h")
	p.want("moved", "h", storeB)
	p.remove(result)
	p.runSession(agent, "h")
	p.want("removed", "h")
	p.build(result, storeA)
	p.runSession(agent, "h")
	p.want("built again", "h", storeA)
	for name, change := range map[string]func() error{
		"a file":    func() error { return os.WriteFile(result, nil, 0o644) },
		"elsewhere": func() error { return os.Symlink("/etc", result) },
		"prefix":    func() error { return os.Symlink("/nix/storeX/a", result) },
		"the store": func() error { return os.Symlink("/nix/store", result) },
	} {
		p.build(result, storeA)
		p.runSession(agent, "h")
		p.want(name+", before", "h", storeA)
		p.remove(result)
		if err := change(); err != nil {
			t.Fatal(err)
		}
		p.runSession(agent, "h")
		p.want(name, "h")
		p.remove(result)
	}
}

func TestPinsAreOfLinksInProjects(t *testing.T) {
	p := newPinned(t)
	p.build(filepath.Join(string(p.volume), "var/nixproxy/home/result"), storeA)
	elsewhere := t.TempDir()
	p.build(filepath.Join(elsewhere, "result"), storeA)
	p.build(filepath.Join(p.project, "dangling"), "/nix/store/none")
	if err := os.Symlink(elsewhere, filepath.Join(p.project, "out")); err != nil {
		t.Fatal(err)
	}
	p.build(filepath.Join(p.project, "out/through"), storeA)
	p.mkdir(filepath.Join(p.project, "sub"))
	p.runSession(p.agent(), "h")
	p.want("none of a project", "h")
	p.build(filepath.Join(p.project, "sub/result"), storeB)
	p.runSession(p.agent(), "h")
	p.want("below the project", "h", storeB)
}

func TestPinStaysWhereItsLinkCannotBeSeen(t *testing.T) {
	for name, hide := range map[string]func(p *pinned, dir string){
		"not mounted":         func(p *pinned, _ string) { p.table = p.table[:1] },
		"moved away":          func(p *pinned, _ string) { p.move(p.project, p.project+"-away") },
		"its directory gone":  func(p *pinned, dir string) { p.remove(dir) },
		"a file in its place": func(p *pinned, dir string) { p.remove(dir); p.write(dir) },
		"an unmounted disk":   func(p *pinned, dir string) { p.table = p.table[:len(p.table)-1]; p.empty(dir) },
		"another directory mounted there": func(p *pinned, dir string) {
			p.table[1].root = "/home/q"
			p.table[len(p.table)-1].root = "/home/q/disk"
			p.empty(dir)
		},
		"its directory deleted under the mount": func(p *pinned, dir string) {
			p.table[len(p.table)-1].root += "//deleted"
			p.empty(dir)
		},
	} {
		p := newPinned(t)
		disk := filepath.Join(p.project, "disk")
		p.mkdir(disk)
		p.table = append(p.table, mounted{point: disk, root: "/", host: true})
		p.build(filepath.Join(disk, "result"), storeA)
		p.runSession(p.agent(), "h")
		p.want(name+", before", "h", storeA)
		hide(p, disk)
		p.collect()
		p.runSession(p.agent(), "h")
		p.want(name, "h", storeA)
	}
}

func (p *pinned) move(from, to string) {
	p.Helper()
	if err := os.Rename(from, to); err != nil {
		p.Fatal(err)
	}
}

func (p *pinned) write(file string) {
	p.Helper()
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		p.Fatal(err)
	}
}

func (p *pinned) empty(dir string) {
	p.remove(dir)
	p.mkdir(dir)
}

// A link that may not be read is not gone. Root may read everything, so the directory is
// replaced by a link to itself.
func TestPinStaysWhereLookingFails(t *testing.T) {
	p := newPinned(t)
	sub := filepath.Join(p.project, "sub")
	p.mkdir(sub)
	p.build(filepath.Join(sub, "result"), storeA)
	p.runSession(p.agent(), "h")
	p.remove(sub)
	if err := os.Symlink("sub", sub); err != nil {
		t.Fatal(err)
	}
	p.runSession(p.agent(), "h")
	p.want("a loop", "h", storeA)
}

func TestMovedPinsHaveOtherNames(t *testing.T) {
	p := newPinned(t)
	p.build(filepath.Join(p.project, "result"), storeA)
	agent := p.agent()
	agent.moved = []string{p.project}
	if err := agent.Begin("h"); err != nil {
		t.Fatal(err)
	}
	if found := All(p.volume); len(found) != 1 || !found[0].Elsewhere() {
		t.Errorf("%+v", found)
	}
}

func TestPinIsItsHosts(t *testing.T) {
	p := newPinned(t)
	result := filepath.Join(p.project, "result")
	p.build(result, storeA)
	p.runSession(p.agent(), "one")
	p.runSession(p.agent(), "two")
	p.want("made by one", "one", storeA)
	p.want("and as good for two", "two")
	p.remove(result)
	p.runSession(p.agent(), "two")
	p.want("not dropped by two", "one", storeA)
	p.build(result, storeB)
	p.runSession(p.agent(), "two")
	p.want("moved by two", "one", storeA)
	p.want("moved by two", "two", storeB)
	p.remove(result)
	p.runSession(p.agent(), "one")
	p.want("dropped by one", "one")
	p.want("dropped by one", "two", storeB)
}

// The next session repairs what a kill leaves between a record and its pin, or with the
// pin at its temporary name.
func TestHalfMadePinIsCompleted(t *testing.T) {
	p := newPinned(t)
	result := filepath.Join(p.project, "result")
	p.build(result, storeA)
	p.runSession(p.agent(), "h")
	pins, _ := filepath.Glob(filepath.Join(p.volume.ProjectRoots("h"), "*"))
	p.collect()
	p.remove(pins[0])
	if err := os.Symlink(storeB, filepath.Join(records(p.volume, "h"), ".new")); err != nil {
		t.Fatal(err)
	}
	p.runSession(p.agent(), "h")
	p.want("completed", "h", storeA)
}

// A listing is read again only if the directory may have changed.
func TestListing(t *testing.T) {
	dir := t.TempDir()
	var l listing
	wanted := func(target string) bool { return target != "/unwanted" }
	if err := os.Symlink("/unwanted", filepath.Join(dir, "unwanted")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} { // within one tick of the clock
		if err := os.Symlink("/"+name, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if l.read(dir, wanted)[name] != "/"+name {
			t.Errorf("%s is not there", name)
		}
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, old, old); err != nil {
		t.Fatal(err)
	}
	l.read(dir, wanted)
	l.links["b"] = "remembered"
	if got := l.read(dir, wanted); got["b"] != "remembered" || len(got) != 3 {
		t.Errorf("read again: %v", got)
	}
	if got := (&listing{}).read(filepath.Join(dir, "none"), wanted); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func TestOrigin(t *testing.T) {
	table := mountTable{
		{point: "/", root: "/"}, {point: "/nix", root: "/v"}, {point: "/p", root: "/home/p", host: true},
		{point: "/p/disk", root: "/", host: true}, {point: "/w", root: "/one", host: true}, {point: "/w", root: "/two", host: true},
	}
	for dir, want := range map[string]string{
		"/": "", "/nix/x": "", "/pp": "", "/p": "/home/p", "/p/a/b": "/home/p/a/b", "/p/disk": "/", "/p/disk/a": "/a", "/p/disks": "/home/p/disks", "/w/x": "/two/x",
	} {
		got, here := table.origin(dir)
		if !here {
			got = ""
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
}
