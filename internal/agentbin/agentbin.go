// Package agentbin holds the agent's programs, embedded by `make build`, and
// packs the one for an engine's kernel to be copied into a container.
package agentbin

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

//go:embed bin
var files embed.FS

// Agents are the agent's programs for all architectures.
type Agents struct{ files fs.FS }

// Embedded returns the programs that this nixproxy was built with. A plain
// `go build` embeds none.
func Embedded() Agents { return Agents{files} }

// In returns the programs in the directory bin of a file system.
func In(files fs.FS) Agents { return Agents{files} }

// A Program is the agent for one architecture.
type Program struct {
	Arch  string // amd64, arm64
	Hash  string // 64 hex digits, of the program's bytes
	files fs.FS
}

// For returns the agent for Linux on an architecture. It reads no more than the
// list of hashes, as every command asks for it.
func (a Agents) For(arch string) (Program, error) {
	sums := a.Hashes()
	if sums == "" {
		return Program{}, hint.Add(errors.New("this nixproxy was built without its agents (by a plain `go build`)"), "build it with `make build`")
	}
	for line := range strings.Lines(sums) {
		if hash, file, ok := strings.Cut(strings.TrimSpace(line), "  "); ok && file == name(arch) {
			return Program{Arch: arch, Hash: hash, files: a.files}, nil
		}
	}
	return Program{}, fmt.Errorf("the engine's kernel is for %s, for which nixproxy has no agent", arch)
}

// Hashes stands for all the programs: it changes when one of them does. It is
// empty where there are none.
func (a Agents) Hashes() string {
	if a.files == nil {
		return ""
	}
	sums, _ := fs.ReadFile(a.files, "bin/sha256sums") // without agents For says so
	return string(sums)
}

func name(arch string) string { return "nixproxy-agent-linux-" + arch }

// A File is something small that is copied into a container beside the agent.
type File struct {
	Path    string // absolute
	Content string
}

// Archive is a tar with the program at a path, and with more files, as the
// engine unpacks it at a container's root.
func (p Program) Archive(at string, more ...File) (io.Reader, error) {
	if p.files == nil {
		return nil, fmt.Errorf("reading the embedded agent: there is none for %q", p.Arch)
	}
	program, err := fs.ReadFile(p.files, "bin/"+name(p.Arch))
	if err != nil {
		return nil, fmt.Errorf("reading the embedded agent: %w", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	dir := tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimPrefix(path.Dir(at), "/") + "/", Mode: 0o700}
	if err := w.WriteHeader(&dir); err != nil {
		return nil, err
	}
	if err := add(w, at, 0o755, program); err != nil {
		return nil, err
	}
	for _, f := range more {
		if err := add(w, f.Path, 0o644, []byte(f.Content)); err != nil {
			return nil, err
		}
	}
	return &b, w.Close()
}

func add(w *tar.Writer, file string, mode int64, content []byte) error {
	if err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(file, "/"), Mode: mode, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}
