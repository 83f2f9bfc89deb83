package state

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	patience = 300 * time.Millisecond // how long a wait may be before the user hears of it
	retry    = 20 * time.Millisecond
)

// Lock takes the lock of that name, which one process, and one caller in it, has at a time. It waits for it until ctx
// ends, and calls waiting (which may be nil) once if that takes long enough to be noticed. The lock is held until
// unlock, or until the process ends however it ends; unlock may be called again.
func (d *Dir) Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	path, err := d.file(name + ".lock")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("taking the lock %s: %w", name, err)
	}
	lock := flock.New(path, flock.SetPermissions(0o600))
	if err := take(ctx, lock, waiting); err != nil {
		lock.Close()
		return nil, fmt.Errorf("waiting for the lock %s: %w", path, err)
	}
	d.hold(lock)
	return sync.OnceFunc(func() { d.release(lock) }), nil
}

func take(ctx context.Context, lock *flock.Flock, waiting func()) error {
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := lock.TryLockContext(soon, retry)
	if err == nil || soon.Err() == nil || ctx.Err() != nil {
		return err
	}
	if waiting != nil {
		waiting()
	}
	_, err = lock.TryLockContext(ctx, retry)
	return err
}

func (d *Dir) hold(lock *flock.Flock) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held[lock] = true
}

func (d *Dir) release(lock *flock.Flock) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lock.Close()
	delete(d.held, lock)
}
