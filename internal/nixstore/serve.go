package nixstore

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Numbers of the protocol of `nix-store --serve`, which every Nix since 2.0 and
// every Lix speaks, as it is what an ssh:// store is (NixOS/nix
// src/libstore/serve-protocol.hh and src/nix/nix-store/nix-store.cc, opServe).
const (
	serveHello   = 0x390c9deb
	serveWelcome = 0x5452eecb
	serveVersion = 2<<8 | 5 // the first that can add one path with all that is known of it

	commandValid   = 1
	commandInfos   = 2
	commandDump    = 3
	commandClosure = 7
	commandAdd     = 9
)

// An Info is what a store knows of a valid path. Its signatures and its content
// address are what another store can trust it by.
type Info struct {
	Path       Path     `json:"path"`
	Deriver    string   `json:"deriver,omitempty"`
	References []Path   `json:"references"`
	NarHash    string   `json:"narHash"` // as that Nix writes it
	NarSize    int64    `json:"narSize"` // in bytes
	CA         string   `json:"ca,omitempty"`
	Sigs       []string `json:"sigs,omitempty"`
}

// Size is the sum of the archives of paths, in bytes.
func Size(infos []Info) (n int64) {
	for _, i := range infos {
		n += i.NarSize
	}
	return n
}

// A Server is a running `nix-store --serve`: a store that is asked without a
// process for each question, with lists of any length, and told its paths one by
// one. It is not safe for concurrent use.
type Server struct {
	wire *wire
	peer Peer
}

// A Peer is the process of a Server, wherever it runs.
type Peer struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Kill   func()
	Wait   func() string // for its end, as often as one likes; what it has written to stderr
}

// Serve starts a command such as `nix-store --serve --write`, and greets it. The
// process ends with Close, or with the command's context.
func Serve(c *exec.Cmd) (*Server, error) {
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr Tail
	c.Stderr = &stderr
	c.WaitDelay = time.Second // for what a script that stands for it leaves behind
	if err := c.Start(); err != nil {
		return nil, err
	}
	return Speak(Peer{Stdin: stdin, Stdout: stdout, Kill: func() { _ = c.Process.Kill() }, Wait: func() string {
		_ = c.Wait()
		return stderr.String()
	}})
}

// Speak greets a process that was started. It ends with Close.
func Speak(p Peer) (*Server, error) {
	s := &Server{wire: newWire(p.Stdout, p.Stdin), peer: p}
	return s, s.greet()
}

func (s *Server) greet() error {
	s.wire.putNumber(serveHello)
	s.wire.putNumber(serveVersion)
	_ = s.wire.flush()
	if s.wire.number() != serveWelcome {
		s.wire.fail(errors.New("it does not speak the protocol of `nix-store --serve`"))
	}
	if version := s.wire.number(); s.wire.err == nil && (version>>8 != serveVersion>>8 || version < serveVersion) {
		s.wire.fail(fmt.Errorf("its `nix-store --serve` has protocol %d.%d: Nix 2.2 or later is needed", version>>8, version&0xff))
	}
	return s.end()
}

// Close ends the process, which lets go of the paths that it held.
func (s *Server) Close() {
	s.peer.Stdin.Close()
	if s.wire.err != nil {
		s.peer.Kill() // it may be in the middle of an answer
	}
	s.peer.Wait()
}

// end returns the error of a question, in Nix's own words if it had any.
func (s *Server) end() error {
	if s.wire.err == nil {
		return nil
	}
	if errors.Is(s.wire.err, io.ErrUnexpectedEOF) || errors.Is(s.wire.err, syscall.EPIPE) {
		s.peer.Stdin.Close()
		s.peer.Wait() // it ends by itself, and will have said why
	}
	s.Close()
	if text := complaint(s.peer.Wait()); text != "" {
		return saidError(text)
	}
	return s.wire.err
}

// A saidError is why a Nix ended, in its own words.
type saidError string

func (e saidError) Error() string { return string(e) }

// complaint is the last of what a Nix wrote on stderr, without its label.
func complaint(stderr string) string {
	_, text, found := strings.Cut("\n"+stderr, "\nerror:")
	if !found {
		text = stderr
	}
	return strings.Join(strings.Fields(text), " ")
}

// Valid returns those of the paths that the store has. With hold, and a server
// that may write, no collector takes any of them, those that it has not yet
// included, as long as the server runs.
func (s *Server) Valid(paths []Path, hold bool) ([]Path, error) {
	s.wire.putNumber(commandValid)
	s.wire.putNumber(number(hold))
	s.wire.putNumber(0) // and no substituter is asked for the others
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	return s.wire.paths(), s.end()
}

// Missing returns those of the paths that the store has not: never nil. All of them
// are held, as by Valid.
func (s *Server) Missing(paths []Path) ([]Path, error) {
	valid, err := s.Valid(paths, true)
	if err != nil {
		return nil, err
	}
	there, missing := SetOf(valid), []Path{}
	for _, p := range paths {
		if !there[p] {
			missing = append(missing, p)
		}
	}
	return missing, nil
}

// Closure returns the paths with all that they need, in no order.
func (s *Server) Closure(paths []Path) ([]Path, error) {
	s.wire.putNumber(commandClosure)
	s.wire.putNumber(0) // without the outputs of derivations
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	return s.wire.paths(), s.end()
}

// Infos returns what is known of valid paths, those that they refer to first.
func (s *Server) Infos(paths []Path) ([]Info, error) {
	s.wire.putNumber(commandInfos)
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	var all []Info
	for path := s.wire.text(); path != "" && s.wire.err == nil; path = s.wire.text() {
		i := Info{Path: s.wire.path(path), Deriver: s.wire.text(), References: s.wire.paths()}
		_ = s.wire.number() // what a download would be
		i.NarSize, i.NarHash, i.CA, i.Sigs = int64(s.wire.number()), s.wire.text(), s.wire.text(), s.wire.texts()
		all = append(all, i)
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return dependenciesFirst(all), nil
}

// dependenciesFirst sorts, as a path can be valid only after all it refers to.
func dependenciesFirst(all []Info) []Info {
	waiting := map[Path]Info{}
	for _, i := range all {
		waiting[i.Path] = i
	}
	sorted := make([]Info, 0, len(all))
	var visit func(Path)
	visit = func(p Path) {
		i, ok := waiting[p]
		if !ok {
			return
		}
		delete(waiting, p)
		for _, r := range i.References {
			visit(r)
		}
		sorted = append(sorted, i)
	}
	for _, i := range all {
		visit(i.Path)
	}
	return sorted
}

// A ChangedError says that a store path's files are not what was registered.
type ChangedError struct {
	Path Path
	Why  string // it cannot even be read; empty: it has another hash
}

func (e *ChangedError) Error() string {
	if e.Why != "" {
		return fmt.Sprintf("%s cannot be read (%s)", e.Path, e.Why)
	}
	return fmt.Sprintf("%s has changed since it was registered", e.Path)
}

// Dump writes a path's archive. One that is not what the store's database says
// is a *ChangedError, after all, too much or some of it was written.
func (s *Server) Dump(i Info, to io.Writer) error {
	s.wire.putNumber(commandDump)
	s.wire.putString(string(i.Path))
	if s.wire.flush() != nil {
		return s.end()
	}
	check := newChecked(to, i)
	err := copyArchive(check, s.wire.in)
	if check.exceeded() || err == nil && !check.same() {
		err = &ChangedError{Path: i.Path}
		s.wire.fail(err)
		return err
	}
	s.wire.fail(err)
	if check.err != nil {
		s.Close() // who is in the middle of an answer does not end by itself
		return check.err
	}
	err = s.end()
	var said saidError
	if errors.As(err, &said) {
		return &ChangedError{i.Path, string(said)}
	}
	return err
}

// Add makes a path valid, from its archive. It must be written by a server with
// --write, and Nix itself refuses an archive of another hash.
func (s *Server) Add(i Info, archive io.Reader) error {
	s.wire.putNumber(commandAdd)
	s.wire.putString(string(i.Path))
	s.wire.putString(i.Deriver)
	s.wire.putString(i.NarHash)
	s.wire.putPaths(i.References)
	s.wire.putNumber(0) // registered now
	s.wire.putNumber(uint64(i.NarSize))
	s.wire.putNumber(0) // and not built here
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

// feed copies an archive to the server. Its error is the reader's.
func (s *Server) feed(archive io.Reader, size int64) error {
	source := &reader{Reader: archive}
	_, err := io.CopyN(s.wire.out, source, size)
	if source.err != nil {
		return source.err
	}
	s.wire.fail(err)
	return nil
}

// A reader keeps its error apart from its writer's.
type reader struct {
	io.Reader
	err error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.err = unexpected(err)
	return n, r.err
}

func number(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}
