package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Format is the version of the file that this nixproxy writes, and the latest that it reads.
const Format = 1

const manifestName = "manifest.json"

// maxManifest bounds a manifest, in bytes. 50,000 paths take 40 MB.
const maxManifest = 512 << 20

// A Manifest describes what is in the file.
type Manifest struct {
	Format   int    `json:"format"`
	Nixproxy string `json:"nixproxy"` // the version of nixproxy that wrote it
	Flavour  string `json:"flavour"`  // of the volume: nix, lix
	Platform string `json:"platform"` // os/arch
	agentapi.Manifest
}

func (m Manifest) marshal() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(m)
	if err == nil && len(text) > maxManifest {
		err = hint.Add(fmt.Errorf("%d store paths are more than one archive can list", len(m.Paths)), "name some of them")
	}
	return text, err
}

// parseManifest reads a manifest, whose author is not trusted. It decodes a list only up to
// the first wrong element: a file of a few kilobytes has room for millions of empty ones.
func parseManifest(text []byte) (m Manifest, err error) {
	lists := struct {
		*Manifest
		Images json.RawMessage `json:"images"`
		Roots  json.RawMessage `json:"roots"`
		Paths  json.RawMessage `json:"paths"`
	}{Manifest: &m}
	if err := json.Unmarshal(text, &lists); m.Format > Format {
		return m, hint.Add(fmt.Errorf("it has format %d, which nixproxy %s wrote; this nixproxy reads formats up to %d", m.Format, m.Nixproxy, Format), "import it with that nixproxy or a newer one")
	} else if err != nil || m.Format < 1 {
		return m, fmt.Errorf("its manifest was not written by nixproxy: %w", errors.Join(err, errForeign))
	}
	err = errors.Join(
		each(lists.Images, func(s agentapi.Stamp) error { m.Images = append(m.Images, s); return s.Check() }),
		each(lists.Roots, func(p nixstore.Path) error { m.Roots = append(m.Roots, p); return nil }),
		each(lists.Paths, func(i nixstore.Info) error { m.Paths = append(m.Paths, i); return i.Check() }),
	)
	if err == nil {
		err = m.Check()
	}
	if err != nil {
		err = fmt.Errorf("its manifest is wrong: %w", err)
	}
	return m, err
}

// each decodes a list and adds its elements, up to the first error.
func each[T any](list json.RawMessage, add func(T) error) error {
	elements := json.NewDecoder(bytes.NewReader(list))
	if first, _ := elements.Token(); first != json.Delim('[') {
		return nil // no list
	}
	for elements.More() {
		var one T
		if err := elements.Decode(&one); err != nil {
			return err
		}
		if err := add(one); err != nil {
			return err
		}
	}
	return nil
}
