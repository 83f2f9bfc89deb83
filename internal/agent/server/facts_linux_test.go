package server

import (
	"fmt"
	"os"
	"reflect"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Without rights a path is denied: this thread gives up root's.
func TestFactsWithoutRights(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/x", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	got := make(chan []string)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends
		if err := unix.Setfsuid(1234); err != nil {
			t.Error(err)
		}
		got <- agentapi.View{Path: dir, Names: []string{"x"}}.Facts()
	}()
	if facts := <-got; !reflect.DeepEqual(facts, []string{agentapi.Denied, agentapi.Denied}) {
		t.Errorf("got %q", facts)
	}
}

// A mounted directory lives on after it was removed.
func TestDeletedDirectory(t *testing.T) {
	dir := t.TempDir() + "/d"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mounted := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	if agentapi.IsDeleted(dir) || agentapi.IsDeleted(mounted) || agentapi.IsDeleted(dir+"/gone") {
		t.Error("one that is there is deleted")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if !agentapi.IsDeleted(mounted) {
		t.Error("one that was removed is not deleted")
	}
	if err := os.Mkdir(dir+" (deleted)", 0o755); err != nil {
		t.Fatal(err)
	}
	if agentapi.IsDeleted(dir + " (deleted)") {
		t.Error("its name alone makes none deleted")
	}
}
