package layout

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
)

// used returns the file of an image's use. An agent holds a shared lock on it, and so does
// a job that copies the image, so that no collection drops the image meanwhile. The file's
// time is the image's last use. The file is never removed: all that wait for its lock must
// wait for the same file.
func (v Volume) used(identity string) string { return v.Own("used", identity) }

// usedFile returns the file, and makes its directory: the running anchor may be of an
// older nixproxy, which did not make it.
func (v Volume) usedFile(identity string) (string, error) {
	return v.used(identity), os.MkdirAll(v.Own("used"), 0o755)
}

// UseImage holds an image's lock until leave is called, or the process ends.
func (v Volume) UseImage(identity string) (leave func(), err error) {
	file, err := v.usedFile(identity)
	if err != nil {
		return nil, err
	}
	if leave, err = filelock.Acquire(context.Background(), file, filelock.Shared); err != nil {
		return nil, err
	}
	return leave, v.RenewUse(identity)
}

// RenewUse makes now an image's last use.
func (v Volume) RenewUse(identity string) error {
	now := time.Now()
	return os.Chtimes(v.used(identity), now, now)
}

// LockImage keeps agents from using an image until unlock is called. unlock is nil if one
// uses it.
func (v Volume) LockImage(s agentapi.Stamp) (unlock func(), err error) {
	last := v.UsedAt(s)
	file, err := v.usedFile(s.Identity)
	if err != nil {
		return nil, err
	}
	unlock, err = filelock.TryAcquire(file, filelock.Exclusive)
	if errors.Is(err, filelock.ErrHeld) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return unlock, os.Chtimes(file, last, last) // the file may be new
}

// UsedAt returns the time of an image's last use. A sync is a use.
func (v Volume) UsedAt(s agentapi.Stamp) time.Time {
	last, _ := time.Parse(time.RFC3339, s.Synced)
	if info, err := os.Stat(v.used(s.Identity)); err == nil && info.ModTime().After(last) {
		last = info.ModTime()
	}
	return last
}

// InUse tells whether an agent or a job uses an image.
func (v Volume) InUse(identity string) bool { return locked(v.used(identity)) }
