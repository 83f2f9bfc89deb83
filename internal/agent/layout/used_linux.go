package layout

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent"
)

// An agent holds a shared lock on a file for its image, and so does who brings the
// image, so that no collection drops it under them. The file's time is the image's last use. The file
// itself stays: whoever waits for its lock must wait for the same as all others.
func (v Volume) used(identity string) string { return v.Own("used", identity) }

// openUsed makes the directory too: an anchor that is up may be of a nixproxy
// that knew nothing of it.
func (v Volume) openUsed(identity string) (*os.File, error) {
	if err := os.MkdirAll(v.Own("used"), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(v.used(identity), os.O_RDWR|os.O_CREATE, 0o600)
}

// UseImage holds the lock until leave is called, or the process ends.
func (v Volume) UseImage(identity string) (leave func(), err error) {
	f, err := v.openUsed(identity)
	if err != nil {
		return nil, err
	}
	if err := Flock(f, unix.LOCK_SH); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, v.RenewUse(identity)
}

// RenewUse makes now an image's last use.
func (v Volume) RenewUse(identity string) error {
	now := time.Now()
	return os.Chtimes(v.used(identity), now, now)
}

// LockImage keeps agents from using an image until unlock is called; nil says
// that one does.
func (v Volume) LockImage(s agent.Stamp) (unlock func(), err error) {
	last := v.UsedAt(s)
	f, err := v.openUsed(s.Identity)
	if err != nil {
		return nil, err
	}
	err = Flock(f, unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { f.Close() }, os.Chtimes(v.used(s.Identity), last, last) // it may be a new file
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return nil, err
}

// UsedAt is an image's last use; to sync it is one.
func (v Volume) UsedAt(s agent.Stamp) time.Time {
	last, _ := time.Parse(time.RFC3339, s.Synced)
	if info, err := os.Stat(v.used(s.Identity)); err == nil && info.ModTime().After(last) {
		last = info.ModTime()
	}
	return last
}

// InUse tells whether somebody uses an image.
func (v Volume) InUse(identity string) bool { return locked(v.used(identity)) }
