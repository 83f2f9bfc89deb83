package layout

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestHoldersHaveTheStoreOpen(t *testing.T) {
	v := Volume(t.TempDir())
	if found := v.Holders(); len(found) != 0 {
		t.Errorf("without a store: %v", found)
	}
	lock := v.State("db/big-lock")
	if err := os.MkdirAll(filepath.Dir(lock), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(lock)
	if err != nil {
		t.Fatal(err)
	}
	sleep := exec.Command("sleep", "300", strings.Repeat("0", 100))
	sleep.ExtraFiles, sleep.Dir = []*os.File{f}, string(v)
	if err := sleep.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	found := v.Holders()
	want := "`sleep 300 " + strings.Repeat("0", 50) + "…` in " + string(v)
	if len(found) != 1 || found[0].PID != sleep.Process.Pid || !strings.HasPrefix(found[0].String(), want) {
		t.Errorf("%v, want %s", found, want)
	}
	sleep.Process.Kill()
	sleep.Wait()
	if found := v.Holders(); len(found) != 0 {
		t.Errorf("after its end: %v", found)
	}
}
