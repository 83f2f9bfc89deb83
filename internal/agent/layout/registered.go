package layout

import (
	"errors"
	"io/fs"
	"os"
	"time"
)

// Registered tells two states of Nix's database apart, by the times of its file
// and of its log.
type Registered [2]time.Time

func (v Volume) databaseFiles() [2]string {
	return [2]string{v.State("db/db.sqlite"), v.State("db/db.sqlite-wal")}
}

// Registered is the state at this moment.
func (v Volume) Registered() (r Registered) {
	for i, file := range v.databaseFiles() {
		if info, err := os.Stat(file); err == nil {
			r[i] = info.ModTime()
		}
	}
	return r
}

// KeepRegistered writes to disk what became valid since then. A command that has
// ended well has promised it, and Nix leaves its last transactions to the page
// cache, but for the last of several processes that closes the database
// (SQLite's synchronous=NORMAL, which fsync-metadata means). What is valid is on
// disk before.
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
