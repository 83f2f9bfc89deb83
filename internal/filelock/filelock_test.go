package filelock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestModes(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	for _, test := range []struct {
		first, second Mode
		err           error
	}{
		{Shared, Shared, nil},
		{Shared, Exclusive, ErrHeld},
		{Exclusive, Shared, ErrHeld},
		{Exclusive, Exclusive, ErrHeld},
	} {
		first, err := TryAcquire(name, test.first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := TryAcquire(name, test.second)
		if err != test.err {
			t.Errorf("%+v: %v", test, err)
		}
		if err == nil {
			second()
		}
		first()
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

func TestAcquireWaits(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := Acquire(context.Background(), name, Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	lost := errors.New("lost patience")
	ctx, give := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { give(lost) })
	if _, err := Acquire(ctx, name, Shared); err != lost {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	time.AfterFunc(50*time.Millisecond, first)
	second, err := Acquire(ctx, name, Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	second()
	// The wait that was given up has not kept the lock.
	if last, err := Acquire(ctx, name, Exclusive); err != nil {
		t.Error(err)
	} else {
		last()
	}
}

func TestAcquireDir(t *testing.T) {
	dir := t.TempDir()
	if _, err := AcquireDir(dir + "/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	release, err := AcquireDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Try(f, Shared); err != ErrHeld {
		t.Errorf("got %v", err)
	}
	if _, err := TryAcquire(dir, Exclusive); err == nil {
		t.Error("a directory is taken for a file")
	}
}

func TestWhatTheSystemReturns(t *testing.T) {
	defer func() { flock = unix.Flock }()
	name := filepath.Join(t.TempDir(), "lock")
	for _, test := range []struct {
		errno, want error
	}{
		{unix.EWOULDBLOCK, ErrHeld},
		{unix.ENOTSUP, ErrNoLocks},
		{unix.EOPNOTSUPP, ErrNoLocks},
		{unix.ENOSYS, ErrNoLocks},
		{unix.ENOLCK, ErrNoLocks},
		{unix.EIO, unix.EIO},
		{nil, nil},
	} {
		calls := 0
		flock = func(int, int) error {
			if calls++; calls == 1 {
				return unix.EINTR
			}
			return test.errno
		}
		release, err := Acquire(context.Background(), name, Exclusive)
		if !errors.Is(err, test.want) || calls != 2 {
			t.Errorf("%v: got %v after %d calls", test.errno, err, calls)
		}
		if err == nil {
			release()
		}
	}
}
