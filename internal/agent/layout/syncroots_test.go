package layout

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

func TestRootSynced(t *testing.T) {
	v := Volume(t.TempDir())
	paths := []nixstore.Path{"/nix/store/00000000000000000000000000000000-a", "/nix/store/00000000000000000000000000000000-b"}
	if v.Settled(paths) || v.Settled(nil) {
		t.Error("nothing is settled in a new volume")
	}
	if err := v.RootSynced(nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(v.SyncRoots()); err == nil {
		t.Error("no roots need no directory")
	}
	if err := v.RootSynced(paths[:1]); err != nil {
		t.Fatal(err)
	}
	if !v.Settled(paths[:1]) || v.Settled(paths) {
		t.Error("one is settled, and two are not")
	}
	link := filepath.Join(v.SyncRoots(), paths[0].Base())
	if err := unix.Lutimes(link, make([]unix.Timeval, 2)); err != nil {
		t.Fatal(err)
	}
	if err := v.RootSynced(paths); err != nil || !v.Settled(paths) {
		t.Errorf("%v", err)
	}
	if info, err := os.Lstat(link); err != nil || time.Since(info.ModTime()) > time.Hour {
		t.Errorf("the time of the last sync: %v, %v", info.ModTime(), err)
	}
	if target, _ := os.Readlink(link); target != string(paths[0]) {
		t.Errorf("the root leads to %s", target)
	}
	if entries, _ := os.ReadDir(v.SyncRoots()); len(entries) != 2 {
		t.Errorf("there is %v", entries)
	}
}
