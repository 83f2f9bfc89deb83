package nixstore

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"strings"
)

// A checked writer passes an archive on, and compares it with the Info in the store's
// database.
type checked struct {
	to       io.Writer
	err      error // of to
	sum      hash.Hash
	n        int64
	expected Info
}

func newChecked(to io.Writer, expected Info) *checked {
	return &checked{to: to, sum: sha256.New(), expected: expected}
}

// Write passes on no more than the expected size.
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

func (c *checked) exceeded() bool { return c.n > c.expected.NarSize }

func (c *checked) matches() bool {
	sum, err := parseSHA256(c.expected.NarHash)
	return err == nil && c.n == c.expected.NarSize && bytes.Equal(sum, c.sum.Sum(nil))
}

// parseSHA256 decodes a hash as one of the versions of Nix writes it: in base 16 or in
// Nix's base 32, with or without the algorithm.
func parseSHA256(s string) ([]byte, error) {
	s = strings.TrimPrefix(s, "sha256:")
	if len(s) == hex.EncodedLen(sha256.Size) {
		return hex.DecodeString(s)
	}
	return parseBase32(s, sha256.Size)
}
