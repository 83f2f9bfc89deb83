package layout

import (
	"io"
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
	c := exec.Command("sh", "-c", "echo up; read wait", strings.Repeat("0", 100))
	c.ExtraFiles, c.Dir = []*os.File{f}, string(v)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	// Until the kernel has made it a shell, it has no arguments.
	if _, err := io.ReadFull(stdout, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	found := v.Holders()
	want := "`sh -c echo up; read wait " + strings.Repeat("0", 35) + "…` in " + string(v)
	if len(found) != 1 || found[0].PID != c.Process.Pid || !strings.HasPrefix(found[0].String(), want) {
		t.Errorf("%v, want %s", found, want)
	}
	stdin.Close()
	_ = c.Wait()
	if found := v.Holders(); len(found) != 0 {
		t.Errorf("after its end: %v", found)
	}
}
