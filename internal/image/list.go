package image

import (
	"context"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/engine"
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

// Installed returns the images that List does and those of more references, as
// far as they are on the engine for the source's platform, each once.
func (s Source) Installed(ctx context.Context, e Engine, more ...string) ([]Image, error) {
	rows, err := s.List(ctx, e)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		more = append(more, row.Reference)
	}
	var all []Image
	for _, ref := range more {
		found, err := s.inspect(ctx, e, ref, "")
		if engine.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(all, func(i Image) bool { return i.ID == found.ID }) {
			all = append(all, found)
		}
	}
	return all, nil
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

var _ Engine = (*engine.Engine)(nil)
