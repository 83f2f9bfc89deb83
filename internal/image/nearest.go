package image

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// shown is how many versions an error offers instead.
const shown = 12

// nearest pulls the nearest patch of the same minor version that the registry has
// a tag of for the platform, and warns of it.
func (s Source) nearest(ctx context.Context, e Engine, nix version.Nix, t *terminal.Terminal) (Image, error) {
	template := s.templateFor(nix)
	repository, err := s.repository(template)
	if err != nil {
		return Image{}, err
	}
	tags, err := listTags(ctx, repository)
	if err != nil {
		return Image{}, fmt.Errorf("there is no image of Nix %s at %s, and its tags cannot be listed: %w", nix.Version, repository, err)
	}
	spellings := version.Spellings(nix.Version)
	for _, tag := range version.Nearest(nix.Version, tags) {
		if slices.Contains(spellings, tag) {
			continue // it is known not to be for this platform
		}
		ref, err := s.expand(template, tag)
		if err != nil {
			return Image{}, err
		}
		found, err := s.local(ctx, e, ref, tag)
		if err != nil {
			found, err = s.pull(ctx, e, ref, tag, t)
		}
		if err == nil {
			t.Warn("%s has no image of Nix %s for this platform; using %s, the nearest patch", repository, nix.Version, tag)
			return found, nil
		}
		if !absent(err) {
			return Image{}, err
		}
	}
	return Image{}, hint.Add(fmt.Errorf("%s has no image of Nix %s; it has %s",
		repository, nix.Version, strings.Join(version.Choices(tags, shown), ", ")), "choose one with --nix-version")
}

// listTags asks the registry itself, as an engine cannot, with the credentials
// of the user's docker configuration.
func listTags(ctx context.Context, repository string) ([]string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	return remote.List(repo, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
}
