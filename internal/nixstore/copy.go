package nixstore

import (
	"bufio"
	"io"
)

// Copy copies the next archive of a stream of archives. It returns a *ChangedError for an
// archive that differs from the Info, after having written all of it.
func (i Info) Copy(to io.Writer, archives io.Reader) error {
	buffer := int(min(i.NarSize, 64<<10)) // most archives are small
	source, check := &reader{Reader: archives}, newChecked(to, i)
	limited := &io.LimitedReader{R: source, N: i.NarSize}
	in, out := bufio.NewReaderSize(limited, buffer), bufio.NewWriterSize(check, buffer)
	err := copyArchive(out, in)
	rest, _ := io.Copy(out, in) // the hash of it all tells a changed archive from what never was one
	_ = out.Flush()
	switch {
	case check.err != nil:
		return check.err
	case source.err != nil && limited.N > 0:
		return source.err
	case !check.matches():
		return &ChangedError{Path: i.Path}
	case err != nil || rest > 0:
		return errNotArchive
	}
	return nil
}
