package nixstore

import (
	"bufio"
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
