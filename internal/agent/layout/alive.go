package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// alive returns a file in the volume. Each process that works on the volume holds a
// shared lock on it, so the anchor, without which all of them would end, knows that it
// is needed: containers on one kernel see each other's locks. The file's time is when
// the last process came, or until when the next one is expected.
func (v Volume) alive() string { return v.Own("alive") }

// Underway bounds the time from one container of a slow job to its next. Some engines
// copy the whole image to create a container.
const Underway = 2 * time.Minute

// Occupy holds the lock until leave is called, or the process ends. Another process is
// expected within the time next. The volume must be prepared.
func (v Volume) Occupy(next time.Duration) (leave func(), err error) {
	at := time.Now().Add(next)
	leave, err = filelock.Acquire(context.Background(), v.alive(), filelock.Shared)
	if err != nil {
		return nil, fmt.Errorf("entering the volume: %w", err)
	}
	if err := os.Chtimes(v.alive(), at, at); err != nil {
		leave()
		return nil, fmt.Errorf("entering the volume: %w", err)
	}
	return leave, nil
}

// AwaitEmpty waits until no process works on the volume, keeps all of them out until
// release is called, and returns the file's time: zero if no process ever came.
func (v Volume) AwaitEmpty() (came time.Time, release func(), err error) {
	f, err := os.OpenFile(v.alive(), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return time.Time{}, func() {}, nil // not prepared yet, or not ours
	}
	if err != nil {
		return time.Time{}, nil, err
	}
	if err := filelock.Wait(f, filelock.Exclusive); err != nil {
		f.Close()
		return time.Time{}, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return time.Time{}, nil, err
	}
	return info.ModTime(), func() { f.Close() }, nil
}
