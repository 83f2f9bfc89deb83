package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// patience is how long Lock waits before it calls waiting.
const patience = 300 * time.Millisecond

// Lock takes the lock of that name, which only one caller in one process has at a time. It
// waits for the lock until ctx ends, and calls waiting (which may be nil) once if the wait
// is long enough to be noticed. The lock is held until unlock or the end of the process,
// however it ends; unlock may be called again.
func (d *Dir) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	path, err := d.file(name + ".lock")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("taking the lock %s: %w", name, err)
	}
	release, err := acquire(ctx, path, waiting)
	if err != nil {
		return nil, fmt.Errorf("waiting for the lock %s: %w", path, err)
	}
	return d.hold(release), nil
}

func acquire(ctx context.Context, path string, waiting func()) (release func(), err error) {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if release, err = filelock.Acquire(soon, path, filelock.Exclusive); err == nil || soon.Err() == nil {
		return release, err
	}
	if ctx.Err() == nil {
		if waiting != nil {
			waiting()
		}
		release, err = filelock.Acquire(ctx, path, filelock.Exclusive)
	}
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return release, err
}

// held is a lock that is not released.
type held struct{ release func() }

// hold keeps a reference to a lock: the garbage collector would close its file and so release
// it.
func (d *Dir) hold(release func()) (unlock func()) {
	lock := &held{release}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held[lock] = true
	return func() { d.release(lock) }
}

func (d *Dir) release(lock *held) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[lock] {
		lock.release()
		delete(d.held, lock)
	}
}
