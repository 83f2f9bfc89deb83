package nixstore

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
)

// ReadRegistrations reads the output of `nix-store --dump-db` and calls each for every
// path; an error of each ends the reading. The lines of a path are: path, hash in hex,
// size, deriver, number of references, references (makeValidityRegistration in NixOS/nix
// src/libstore/store-api.cc). The output has no signatures and content addresses.
func ReadRegistrations(r io.Reader, each func(Info) error) error {
	d := dump{lines: bufio.NewScanner(r), known: map[string]Path{}}
	for d.lines.Scan() {
		registration, err := d.registration(d.path(d.lines.Bytes()))
		if err != nil {
			return err
		}
		if err := each(registration); err != nil {
			return err
		}
	}
	return d.lines.Err()
}

// A dump is the reading of that output. Most paths are named many times; known keeps each
// in memory once.
type dump struct {
	lines *bufio.Scanner
	known map[string]Path
	err   error
}

func (d *dump) registration(path Path) (Info, error) {
	if _, err := ParsePath(string(path)); err != nil {
		return Info{}, fmt.Errorf("reading the store's database: %w", err)
	}
	r := Info{Path: path, NarHash: string(d.next())}
	r.NarSize = d.number()
	r.Deriver = string(d.path(d.next()))
	for n := d.number(); n > 0 && d.err == nil; n-- {
		r.References = append(r.References, d.path(d.next()))
	}
	if d.err != nil {
		return r, fmt.Errorf("reading the entry of %s in the store's database: %w", path, d.err)
	}
	return r, nil
}

func (d *dump) next() []byte {
	if d.err == nil && !d.lines.Scan() {
		if d.err = d.lines.Err(); d.err == nil {
			d.err = io.ErrUnexpectedEOF
		}
	}
	if d.err != nil {
		return nil
	}
	return d.lines.Bytes()
}

func (d *dump) number() int64 {
	text := d.next()
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	d.err = err
	return n
}

func (d *dump) path(line []byte) Path {
	path, ok := d.known[string(line)]
	if !ok {
		path = Path(line)
		d.known[string(path)] = path
	}
	return path
}
