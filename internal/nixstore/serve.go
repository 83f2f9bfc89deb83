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

// Numbers of the protocol of `nix-store --serve`. Every Nix since 2.0 and every Lix speaks
// it, because ssh:// stores use it (NixOS/nix src/libstore/serve-protocol.hh and
// src/nix/nix-store/nix-store.cc, opServe).
const (
	serveHello   = 0x390c9deb
	serveWelcome = 0x5452eecb
	serveVersion = 2<<8 | 5 // the first that can add one path with its whole Info

	commandValid   = 1
	commandInfos   = 2
	commandDump    = 3
	commandClosure = 7
	commandAdd     = 9
)

// A Server is a running `nix-store --serve`. One process answers all requests about the
// store, with lists of any length, and adds paths one by one. It is not safe for
// concurrent use.
type Server struct {
	wire *wire
	peer Peer
}

// A Peer is the process of a Server, wherever it runs.
type Peer struct {
	Stdin  io.WriteCloser
	Stdout io.Reader
	Kill   func()
	Wait   func() (stderr string) // waits for its end; can be called again
}

// Serve starts a command such as `nix-store --serve --write`, and greets it. The process
// ends with Close, or with the command's context.
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
	c.WaitDelay = time.Second // a wrapper script can leave processes behind
	if err := c.Start(); err != nil {
		return nil, err
	}
	return Speak(Peer{Stdin: stdin, Stdout: stdout, Kill: func() { _ = c.Process.Kill() }, Wait: func() string {
		_ = c.Wait()
		return stderr.String()
	}})
}

// Speak greets a process that was started. The process ends with Close.
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

// Close ends the process, which releases the paths that it held.
func (s *Server) Close() {
	s.peer.Stdin.Close()
	if s.wire.err != nil {
		s.peer.Kill() // it may be in the middle of an answer
	}
	s.peer.Wait()
}

// end returns the error of a request: Nix's own message, if there is one.
func (s *Server) end() error {
	if s.wire.err == nil {
		return nil
	}
	if errors.Is(s.wire.err, io.ErrUnexpectedEOF) || errors.Is(s.wire.err, syscall.EPIPE) {
		s.peer.Stdin.Close()
		s.peer.Wait() // it ends by itself, and its stderr will tell why
	}
	s.Close()
	if message := errorMessage(s.peer.Wait()); message != "" {
		return nixError(message)
	}
	return s.wire.err
}

// A nixError is the message with which a Nix ended.
type nixError string

func (e nixError) Error() string { return string(e) }

// errorMessage returns the error in a Nix's stderr, without its label; else all of stderr.
func errorMessage(stderr string) string {
	_, text, found := strings.Cut("\n"+stderr, "\nerror:")
	if !found {
		text = stderr
	}
	return strings.Join(strings.Fields(text), " ")
}

// Valid returns the paths that the store has. With hold, and a server that may write, no
// collector deletes any of the paths while the server runs, even one that is added later.
func (s *Server) Valid(paths []Path, hold bool) ([]Path, error) {
	s.wire.putNumber(commandValid)
	s.wire.putNumber(number(hold))
	s.wire.putNumber(0) // do not ask substituters for the others
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	return s.wire.paths(), s.end()
}

// Missing returns the paths that the store does not have; never nil. It holds all of the
// paths, as Valid does.
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

// Closure returns the paths and all that they need, in no order.
func (s *Server) Closure(paths []Path) ([]Path, error) {
	s.wire.putNumber(commandClosure)
	s.wire.putNumber(0) // without the outputs of derivations
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	return s.wire.paths(), s.end()
}

// Infos returns the Infos of valid paths, each after those that it refers to.
func (s *Server) Infos(paths []Path) ([]Info, error) {
	s.wire.putNumber(commandInfos)
	s.wire.putPaths(paths)
	_ = s.wire.flush()
	var all []Info
	for path := s.wire.text(); path != "" && s.wire.err == nil; path = s.wire.text() {
		i := Info{Path: s.wire.path(path), Deriver: s.wire.text(), References: s.wire.paths()}
		_ = s.wire.number() // the size of a download
		i.NarSize, i.NarHash, i.CA, i.Sigs = int64(s.wire.number()), s.wire.text(), s.wire.text(), s.wire.texts()
		all = append(all, i)
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return dependenciesFirst(all), nil
}

func number(yes bool) uint64 {
	if yes {
		return 1
	}
	return 0
}
