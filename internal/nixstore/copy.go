package nixstore

import (
	"bufio"
	"fmt"
	"io"
)

// Copy copies the archive that is next in a stream of them. One that is not what
// the Info says is a *ChangedError, after all of it was written.
func (i Info) Copy(to io.Writer, archives io.Reader) error {
	buffer := int(min(i.NarSize, 64<<10)) // most are small
	source, check := &reader{Reader: archives}, newChecked(to, i)
	limited := &io.LimitedReader{R: source, N: i.NarSize}
	in, out := bufio.NewReaderSize(limited, buffer), bufio.NewWriterSize(check, buffer)
	err := copyArchive(out, in)
	rest, _ := io.Copy(out, in) // by which what was changed is told from what never was an archive
	_ = out.Flush()
	switch {
	case check.err != nil:
		return check.err
	case source.err != nil && limited.N > 0:
		return source.err
	case !check.same():
		return &ChangedError{Path: i.Path}
	case err != nil || rest > 0:
		return errNotArchive
	}
	return nil
}

// Check tells what an Info that came from elsewhere lacks to be one: a store path,
// and a hash to check its archive by.
func (i Info) Check() error {
	if _, err := ParsePath(string(i.Path)); err != nil {
		return err
	}
	if _, err := ParsePath(i.Deriver); err != nil && i.Deriver != "" {
		return fmt.Errorf("%s has a deriver that is none: %w", i.Path, err)
	}
	if _, err := parseSHA256(i.NarHash); err != nil || i.NarSize <= 0 {
		return fmt.Errorf("%s is listed without a hash and a size", i.Path)
	}
	return nil
}
