package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// maxSize bounds a file, in bytes: all files here are smaller.
const maxSize = 1 << 20

// Load reads what Save wrote under the name into v, a pointer. It returns false, and leaves
// v alone, if the file is missing, another user's, too large, or not of v's shape.
func (d *Dir) Load(name string, v any) bool {
	data, _, err := d.read(name)
	if err != nil {
		return false
	}
	fresh := reflect.New(reflect.TypeOf(v).Elem())
	if json.Unmarshal(data, fresh.Interface()) != nil {
		return false
	}
	reflect.ValueOf(v).Elem().Set(fresh.Elem())
	return true
}

// Save writes v under the name, a relative path. It is atomic: a concurrent reader gets the
// old value or the new one.
func (d *Dir) Save(name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	return d.write(name, append(data, '\n'))
}

// Remove removes what is saved under the name. A missing file is no error.
func (d *Dir) Remove(name string) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing %s: %w", name, err)
	}
	return nil
}

func (d *Dir) file(name string) (string, error) {
	if !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return "", fmt.Errorf("%q is not a valid name for a file in the state directory", name)
	}
	return filepath.Join(d.path, name), nil
}

func (d *Dir) read(name string) ([]byte, fs.FileInfo, error) {
	path, err := d.file(name)
	if err != nil {
		return nil, nil, err
	}
	f, err := openPlain(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if owner, err := ownerIn(info); err != nil || owner != d.user.uid || !info.Mode().IsRegular() || info.Size() > maxSize {
		return nil, nil, fmt.Errorf("%s is not a file of nixproxy's", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize))
	return data, info, err
}

// write writes a temporary file in the same directory and renames it. It does not sync: half
// a file after a power cut counts as missing. (github.com/google/renameio syncs each file,
// and leaves the mode of a key that others can read as it is.)
func (d *Dir) write(name string, data []byte) error {
	path, err := d.file(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return fmt.Errorf("saving %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("saving %s: %w", name, err)
	}
	return nil
}

// Write writes a file for another program to read, and returns its path.
func (d *Dir) Write(name, content string) (string, error) {
	path, err := d.file(name)
	if err != nil {
		return "", err
	}
	return path, d.write(name, []byte(content))
}
