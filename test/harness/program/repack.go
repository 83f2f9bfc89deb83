//go:build linux && acceptance

package program

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/klauspost/compress/zstd"
)

// repackMain is the program `repack FILE NEW-FILE [OLD NEW]...`: what is compressed
// in FILE has the bytes NEW in the place of the first OLD, as many, and is
// compressed anew. So it is wrong only where its own hashes tell.
func repackMain() {
	if len(os.Args) < 3 || len(os.Args)%2 == 0 {
		fail("repack: want repack FILE NEW-FILE [OLD NEW]...")
	}
	if err := repack(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fail("repack: %v", err)
	}
}

func repack(from, to string, changes []string) error {
	packed, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	content, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return err
	}
	for ; len(changes) > 0; changes = changes[2:] {
		before, after := []byte(changes[0]), []byte(changes[1])
		at := bytes.Index(content, before)
		if at < 0 || len(before) != len(after) {
			return fmt.Errorf("%q is not in %s, or not as long as %q", before, from, after)
		}
		copy(content[at:], after)
	}
	encoder, err := zstd.NewWriter(nil)
	return errors.Join(err, os.WriteFile(to, encoder.EncodeAll(content, nil), 0o644))
}
