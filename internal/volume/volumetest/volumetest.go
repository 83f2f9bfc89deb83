// Package volumetest has the modes of the agent that work on the store of a volume
// as programs for an engine in memory. The store is a storetest.Store. Nothing but
// tests imports it.
package volumetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/nixstore"
	"github.com/nixproxy/nixproxy/internal/nixstore/storetest"
)

// A Store is the store of a volume.
type Store struct {
	storetest.Store
	Stamps   []agentapi.Stamp   // that an export holds
	Roots    []nixstore.Path    // that an export of all holds
	Received []agentapi.Request // requests of Receive
}

// AddTo gives the agents of an engine the modes.
func (s *Store) AddTo(e *enginetest.Engine) {
	e.Program(agentapi.ModeMissing, func(p *enginetest.Process) int { return status(p, s.missing(p)) })
	e.Program(agentapi.ModeReceive, func(p *enginetest.Process) int { return status(p, s.receive(p)) })
	e.Program(agentapi.ModeExport, func(p *enginetest.Process) int { return status(p, s.export(p)) })
}

func status(p *enginetest.Process, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprint(p.Stderr, err)
	return 1
}

// Result ends a job with what came of it.
func Result(to io.Writer, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return err
	}
	return json.NewEncoder(to).Encode(agentapi.Event{Result: text})
}

func (s *Store) missing(p *enginetest.Process) error {
	var request agentapi.Request
	if err := json.NewDecoder(p.Stdin).Decode(&request); err != nil {
		return err
	}
	return json.NewEncoder(p.Stdout).Encode(agentapi.Missing{Paths: s.Missing(request.Closure)})
}

// receive makes those paths valid that the client sends.
func (s *Store) receive(p *enginetest.Process) error {
	in := bufio.NewReader(p.Stdin)
	var request agentapi.Request
	if err := readLine(in, &request); err != nil {
		return err
	}
	s.Received = append(s.Received, request)
	missing := s.Missing(request.Closure)
	if err := json.NewEncoder(p.Stdout).Encode(agentapi.Missing{Paths: missing}); err != nil {
		return err
	}
	for range missing {
		var i nixstore.Info
		if err := readLine(in, &i); err != nil {
			return err
		}
		nar := make([]byte, i.NarSize)
		if _, err := io.ReadFull(in, nar); err != nil {
			return err
		}
		if absent := s.Missing(i.References); len(absent) > 0 {
			return fmt.Errorf("%s came before %s, which it needs", i.Path, absent[0])
		}
		if err := s.Register(i, nar); err != nil {
			return err
		}
	}
	return Result(p.Stdout, struct{}{})
}

// readLine reads the next line that is not empty.
func readLine(in *bufio.Reader, v any) error {
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return json.Unmarshal(line, v)
		}
	}
}

// export writes the closure of the requested paths, or of all that is held.
func (s *Store) export(p *enginetest.Process) error {
	var paths []nixstore.Path
	if err := json.NewDecoder(p.Stdin).Decode(&paths); err != nil {
		return err
	}
	if missing := s.Missing(paths); len(missing) > 0 {
		return fmt.Errorf("%s is not in the volume", missing[0])
	}
	c := agentapi.Manifest{Images: []agentapi.Stamp{}, Roots: paths}
	if len(paths) == 0 {
		c.Images, c.Roots = s.Stamps, s.Roots
	}
	var nars bytes.Buffer
	for _, path := range s.Closure(c.Held()) {
		i, _ := s.Info(path)
		nar, err := s.Archive(path)
		if err != nil {
			return err
		}
		c.Paths = append(c.Paths, i)
		nars.Write(nar)
	}
	if err := json.NewEncoder(p.Stdout).Encode(c); err != nil {
		return err
	}
	_, err := nars.WriteTo(p.Stdout)
	return err
}
