package state

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
)

// Cache remembers one string for each key.
type Cache struct {
	dir  *Dir
	kind string
}

// Cache returns the cache for one kind of fact, in a directory of that name.
func (d *Dir) Cache(kind string) Cache { return Cache{dir: d, kind: kind} }

// Load returns what was saved for the key.
func (c Cache) Load(key string) (string, bool) {
	var value string
	ok := c.dir.Load(c.file(key), &value)
	return value, ok
}

// Save saves the value for the key. It ignores errors, as a cache may lose values.
func (c Cache) Save(key, value string) { _ = c.dir.Save(c.file(key), value) }

// file returns a name with the key's hash: a key can be a path, or too long for a name.
func (c Cache) file(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.kind, hex.EncodeToString(sum[:]))
}
