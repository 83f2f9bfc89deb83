package nixstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// A checked writer passes an archive on, and tells if it is what the store's
// database says.
type checked struct {
	to   io.Writer
	err  error // of what it is passed on to
	sum  hash.Hash
	n    int64
	want Info
}

func newChecked(to io.Writer, want Info) *checked {
	return &checked{to: to, sum: sha256.New(), want: want}
}

// Write passes no more on than the size that was promised.
func (c *checked) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.exceeded() {
		return 0, io.ErrShortWrite
	}
	c.sum.Write(p)
	var n int
	n, c.err = c.to.Write(p)
	return n, c.err
}

func (c *checked) exceeded() bool { return c.n > c.want.NarSize }

func (c *checked) same() bool {
	want, err := parseSHA256(c.want.NarHash)
	return err == nil && c.n == c.want.NarSize && bytes.Equal(want, c.sum.Sum(nil))
}

// parseSHA256 takes a hash as the versions of Nix write it, in base 16 or in
// their own base 32, with or without the algorithm.
func parseSHA256(s string) ([]byte, error) {
	s = strings.TrimPrefix(s, "sha256:")
	if len(s) == hex.EncodedLen(sha256.Size) {
		return hex.DecodeString(s)
	}
	return parseBase32(s, sha256.Size)
}
