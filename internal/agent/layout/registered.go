package layout

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Registered identifies a state of Nix's database by the times of its file and of its log.
type Registered [2]time.Time

// databaseFiles returns the paths of the database and of its log.
func (v Volume) databaseFiles() [2]string {
	return [2]string{v.State("db/db.sqlite"), v.State("db/db.sqlite-wal")}
}

// Registered returns the present state.
func (v Volume) Registered() (r Registered) {
	for i, file := range v.databaseFiles() {
		if info, err := os.Stat(file); err == nil {
			r[i] = info.ModTime()
		}
	}
	return r
}

// KeepRegistered writes the database to disk if it has changed since then. A command that
// ended well has promised its results, but Nix leaves the last transactions to the page
// cache, unless it is the last process to close the database (SQLite's synchronous=NORMAL,
// which fsync-metadata means). The files of valid paths are on disk already.
func (v Volume) KeepRegistered(since Registered) error {
	if v.Registered() == since {
		return nil
	}
	for _, file := range v.databaseFiles() {
		if err := SyncFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
