package server

import (
	"io"
	"os/exec"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// blocking blocks a signal in the test's thread, and in processes that it then starts.
func blocking(t *testing.T, s unix.Signal, then func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var blocked, before unix.Sigset_t
	blocked.Val[0] = 1 << (s - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before); err != nil {
		t.Fatal(err)
	}
	then()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil); err != nil {
		t.Fatal(err)
	}
}

func TestCommandsStartWithNothingBlocked(t *testing.T) {
	var k *supervisor
	blocking(t, unix.SIGTSTP, func() {
		if out, err := exec.Command("grep", "SigBlk", "/proc/self/status").Output(); string(out) != "SigBlk:\t0000000000080000\n" {
			t.Fatalf("what a process inherits here is %q, %v", out, err)
		}
		var err error
		if k, err = newSupervisor(); err != nil {
			t.Fatal(err)
		}
	})
	defer k.close()
	s, err := openStdio(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.abandon()
	grep := task{Path: "/bin/sh", Args: []string{"sh", "-c", "exec grep SigBlk /proc/self/status"}}
	if err := k.start(grep, s.theirs); err != nil {
		t.Fatal(err)
	}
	s.started()
	status := k.wait()
	output, err := io.ReadAll(s.out.file)
	if want := "SigBlk:\t0000000000000000\n"; string(output) != want {
		t.Errorf("it ended with %v, having %q, %v", status, output, err)
	}
}
