package layout

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/filelock"
)

// Whoever works on a volume holds a shared lock on a file in it. So the anchor,
// without which all of them would end, knows that it is needed; containers on one
// kernel see each other's locks. The file's time is when the last one came, or
// until when another one is expected.
func (v Volume) alive() string { return v.Own("alive") }

// Underway is how long a slow path may take to its next container; to create one
// is a copy of the whole image for some engines.
const Underway = 2 * time.Minute

// Occupy holds the lock until leave is called, or the process ends. The next one
// is expected within that time. The volume must be prepared.
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

// AwaitEmpty waits until nobody is there, keeps everybody out until release is
// called, and tells the file's time: the zero time when nobody ever came.
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
