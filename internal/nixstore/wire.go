package nixstore

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// maxString bounds a string that is not an archive, in bytes: a peer that sends a longer
// one does not speak the protocol.
const maxString = 16 << 20

const align = 8

// A wire reads and writes the encoding of all of Nix's protocols: numbers of eight bytes,
// little-endian, and strings, which are a length and the bytes, padded with zeros to eight
// (NixOS/nix src/libutil/serialise.cc). The first error stays, so that callers check only
// once.
type wire struct {
	in   io.Reader
	out  *bufio.Writer
	err  error
	last []byte // what read returned last
}

func newWire(in io.Reader, out io.Writer) *wire {
	return &wire{in: bufio.NewReaderSize(in, 64<<10), out: bufio.NewWriterSize(out, 64<<10)}
}

func (w *wire) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *wire) putNumber(n uint64) {
	var b [align]byte
	binary.LittleEndian.PutUint64(b[:], n)
	_, err := w.out.Write(b[:])
	w.fail(err)
}

func (w *wire) putString(s string) {
	w.putNumber(uint64(len(s)))
	_, err := w.out.WriteString(s)
	w.fail(err)
	_, err = w.out.Write(make([]byte, padding(uint64(len(s)))))
	w.fail(err)
}

func (w *wire) putStrings(all []string) {
	w.putNumber(uint64(len(all)))
	for _, s := range all {
		w.putString(s)
	}
}

func (w *wire) putPaths(all []Path) {
	w.putNumber(uint64(len(all)))
	for _, p := range all {
		w.putString(string(p))
	}
}

func (w *wire) number() uint64 { return binary.LittleEndian.Uint64(w.read(align)) }

func (w *wire) text() string { return string(w.word()) }

// word reads a string; the result is valid until the next read.
func (w *wire) word() []byte {
	n := w.number()
	if n > maxString {
		w.fail(fmt.Errorf("a string of %d bytes", n))
	}
	if w.err != nil {
		return nil
	}
	b := w.read(n + padding(n))
	w.mustBeZeros(b[n:])
	return b[:n]
}

func (w *wire) mustBeZeros(padding []byte) {
	for _, b := range padding {
		if b != 0 {
			w.fail(errors.New("a string is not padded with zeros"))
		}
	}
}

func (w *wire) texts() []string {
	var all []string
	for n := w.number(); n > 0 && w.err == nil; n-- {
		all = append(all, w.text())
	}
	return all
}

func (w *wire) paths() []Path {
	var all []Path
	for n := w.number(); n > 0 && w.err == nil; n-- {
		all = append(all, w.path(w.text()))
	}
	return all
}

// path checks a path that was read: it becomes part of file names.
func (w *wire) path(s string) Path {
	if w.err != nil {
		return ""
	}
	p, err := ParsePath(s)
	w.fail(err)
	return p
}

// read returns the next n bytes, zeros after an error; valid until the next read.
func (w *wire) read(n uint64) []byte {
	if uint64(cap(w.last)) < n {
		w.last = make([]byte, n)
	}
	b := w.last[:n]
	if w.err == nil {
		_, err := io.ReadFull(w.in, b)
		w.fail(unexpected(err))
	}
	if w.err != nil {
		clear(b)
	}
	return b
}

// unexpected turns io.EOF into io.ErrUnexpectedEOF.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// flush sends what was put, and returns the first error so far.
func (w *wire) flush() error {
	w.fail(w.out.Flush())
	return w.err
}

func padding(n uint64) uint64 { return (align - n%align) % align }
