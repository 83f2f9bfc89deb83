package image

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// A Row is an image on the engine, as `image ls` shows it.
type Row struct {
	Reference string `json:"reference"`
	ID        string `json:"id"`
	Size      int64  `json:"size"` // bytes
}

// List returns the images on the engine that the source could mean, of any
// version and flavour, in the order of their references.
func (s Source) List(ctx context.Context, e Engine) ([]Row, error) {
	patterns, err := s.repositories()
	if err != nil {
		return nil, err
	}
	images, err := e.Images(ctx, patterns...)
	if err != nil {
		return nil, err
	}
	rows := []Row{}
	for _, i := range images {
		for _, tag := range i.Tags {
			rows = append(rows, Row{Reference: tag, ID: i.ID, Size: i.Size})
		}
	}
	return sorted(rows), nil
}

// repositories are those of the template, else of every flavour; with a mirror
// also those that came from none.
func (s Source) repositories() (all []string, err error) {
	sources, kinds := []Source{s}, []string{templates[version.FlavourNix], templates[version.FlavourLix]}
	if s.Registry != "" {
		sources = append(sources, Source{Template: s.Template})
	}
	if s.Template != "" {
		kinds = []string{s.Template}
	}
	for _, source := range sources {
		for _, template := range kinds {
			repository, err := source.repository(template)
			if err != nil {
				return nil, err
			}
			all = append(all, repository)
		}
	}
	return all, nil
}

func sorted(rows []Row) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Reference, b.Reference) })
	return slices.Compact(rows)
}

// Save writes a docker archive of the references.
func Save(ctx context.Context, e Engine, refs []string, to io.Writer, t *terminal.Terminal) error {
	archive, err := e.SaveImages(ctx, refs)
	if err != nil {
		return err
	}
	defer archive.Close()
	progress := t.Start("saving " + strings.Join(refs, ", ")).Bytes()
	_, err = io.Copy(to, &counted{Reader: archive, tell: func(n int64) { progress.Set(n, 0) }})
	progress.End(err)
	if err != nil {
		return fmt.Errorf("saving %s: %w", strings.Join(refs, ", "), err)
	}
	return nil
}

// Load loads an archive of a size, 0 when it is not known, and returns the
// references that it held.
func Load(ctx context.Context, e Engine, archive io.Reader, size int64, t *terminal.Terminal) ([]string, error) {
	progress := t.Start("loading the image archive").Bytes()
	refs, err := e.LoadImages(ctx, &counted{Reader: archive, tell: func(n int64) { progress.Set(n, size) }})
	progress.End(err)
	return refs, err
}

// counted tells how many bytes have been read.
type counted struct {
	io.Reader
	tell func(int64)
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

var _ Engine = (*engine.Engine)(nil)
