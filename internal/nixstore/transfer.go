package nixstore

import (
	"errors"
	"fmt"
	"io"
)

// A ChangedError says that a store path's files are not those that were registered.
type ChangedError struct {
	Path   Path
	Reason string // why it cannot be read; empty: it has another hash
}

func (e *ChangedError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%s cannot be read (%s)", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s has changed since it was registered", e.Path)
}

// Dump writes a path's archive. It returns a *ChangedError for an archive that differs from
// the store's database, having written some of it, all, or too much.
func (s *Server) Dump(i Info, to io.Writer) error {
	s.wire.putNumber(commandDump)
	s.wire.putString(string(i.Path))
	if s.wire.flush() != nil {
		return s.end()
	}
	check := newChecked(to, i)
	err := copyArchive(check, s.wire.in)
	if check.exceeded() || err == nil && !check.matches() {
		err = &ChangedError{Path: i.Path}
		s.wire.fail(err)
		return err
	}
	s.wire.fail(err)
	if check.err != nil {
		s.Close() // in the middle of an answer, the process does not end by itself
		return check.err
	}
	err = s.end()
	var message nixError
	if errors.As(err, &message) {
		return &ChangedError{i.Path, string(message)}
	}
	return err
}

// Add makes a path valid, from its archive. The server must have been started with --write.
// Nix itself refuses an archive with another hash.
func (s *Server) Add(i Info, archive io.Reader) error {
	s.wire.putNumber(commandAdd)
	s.wire.putString(string(i.Path))
	s.wire.putString(i.Deriver)
	s.wire.putString(i.NarHash)
	s.wire.putPaths(i.References)
	s.wire.putNumber(0) // the time of registration: now
	s.wire.putNumber(uint64(i.NarSize))
	s.wire.putNumber(0) // not built here
	s.wire.putStrings(i.Sigs)
	s.wire.putString(i.CA)
	if s.wire.err != nil {
		return s.end()
	}
	if err := s.feed(archive, i.NarSize); err != nil {
		s.wire.fail(err)
		return fmt.Errorf("receiving %s: %w", i.Path, err)
	}
	if s.wire.flush() == nil && s.wire.number() != 1 {
		s.wire.fail(fmt.Errorf("adding %s: an unknown answer", i.Path))
	}
	return s.end()
}

// feed copies an archive to the server. It returns the reader's error; the server's is in
// the wire.
func (s *Server) feed(archive io.Reader, size int64) error {
	source := &reader{Reader: archive}
	_, err := io.CopyN(s.wire.out, source, size)
	if source.err != nil {
		return source.err
	}
	s.wire.fail(err)
	return nil
}

// A reader keeps its error, so that a copy's error can be told from the writer's.
type reader struct {
	io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.err = unexpected(err)
	return n, r.err
}
