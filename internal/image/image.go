// Package image gets the image of a Nix version: from the engine, from a
// registry by the ladder of spellings and near patches, or from an archive.
package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// templates are the images of each flavour; {version} stands for the version.
var templates = map[version.Flavour]string{
	version.FlavourNix: "nixos/nix:{version}",
	version.FlavourLix: "ghcr.io/lix-project/lix:{version}",
}

const placeholder = "{version}"

// When to ask a registry.
const (
	PullMissing = "missing"
	PullAlways  = "always"
	PullNever   = "never"
)

// An Engine is what this package asks of an engine; *engine.Engine is one.
type Engine interface {
	FindImage(ctx context.Context, ref, platform string) (engine.Image, error)
	Images(ctx context.Context, patterns ...string) ([]engine.Image, error)
	PullImage(ctx context.Context, ref, platform string, tell func(engine.PullEvent)) error
	SaveImages(ctx context.Context, refs []string) (io.ReadCloser, error)
	LoadImages(ctx context.Context, archive io.Reader) ([]string, error)
	RemoveImage(ctx context.Context, ref string) error
}

// Source says where images come from and when.
type Source struct {
	Template string // may hold {version}; empty: the flavour's own
	Registry string // host[:port][/path] instead of the template's registry; empty: none
	Platform string // os/arch[/variant]; empty: the engine's own
	Pull     string // missing, always, never; empty is missing
}

// An Image is what was found for a Nix.
type Image struct {
	engine.Image
	Reference string
	Identity  string
	Version   string // the Nix that its tag promises; empty when the reference says nothing of it
}

// References returns the image's possible names, the best first. promised tells
// whether they name the version.
func (s Source) References(nix version.Nix) (refs []string, promised bool, err error) {
	template := s.templateFor(nix)
	if !strings.Contains(template, placeholder) {
		ref, err := s.mirrored(template)
		return []string{ref}, false, err
	}
	for _, tag := range version.Spellings(nix.Version) {
		ref, err := s.expand(template, tag)
		if err != nil {
			return nil, true, err
		}
		refs = append(refs, ref)
	}
	return refs, true, nil
}

func (s Source) templateFor(nix version.Nix) string {
	if s.Template != "" {
		return s.Template
	}
	return templates[nix.Flavour]
}

func (s Source) expand(template, tag string) (string, error) {
	return s.mirrored(strings.ReplaceAll(template, placeholder, tag))
}

// mirrored writes a reference in full words, with the mirror in the place of
// its registry.
func (s Source) mirrored(ref string) (string, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", hint.Add(fmt.Errorf("%q is not an image reference", ref), "write NAME:TAG, with {version} for the Nix version")
	}
	if domain := reference.Domain(named); isCapitalized(domain) {
		return "", hint.Add(fmt.Errorf("the image %q would be pulled from a registry %q", ref, domain),
			"write the names of images in lower case, and of a registry too: NixOS/nix is nixos/nix")
	}
	if s.Registry == "" {
		return reference.FamiliarString(reference.TagNameOnly(named)), nil
	}
	rest := strings.TrimPrefix(reference.TagNameOnly(named).String(), reference.Domain(named)+"/")
	full := strings.TrimSuffix(s.Registry, "/") + "/" + rest
	if _, err := reference.ParseNormalizedNamed(full); err != nil {
		return "", hint.Add(fmt.Errorf("--registry: %q is not a registry's address", s.Registry), "write HOST[:PORT][/PATH] without https://")
	}
	return full, nil
}

// isCapitalized reports whether a registry is one only by its capital letters:
// package reference takes the first part of a name for a host where no repository
// could be called so (v0.6.0), and a pull of NixOS/nix asks a host NixOS.
func isCapitalized(domain string) bool {
	return !strings.ContainsAny(domain, ".:") && domain != strings.ToLower(domain)
}

// repository returns the repository with the tags of a template's images.
func (s Source) repository(template string) (string, error) {
	ref, err := s.expand(template, "latest")
	if err != nil {
		return "", err
	}
	name, _ := cutTag(ref)
	return name, nil
}

// cutTag splits a reference at its tag, which is empty where it has none.
func cutTag(ref string) (repository, tag string) {
	i := strings.LastIndex(ref, ":")
	if i < strings.LastIndex(ref, "/") {
		return ref, ""
	}
	return ref[:i], ref[i+1:]
}

// Find returns the image of a Nix, pulling it where the source says so.
func (s Source) Find(ctx context.Context, e Engine, nix version.Nix, t *terminal.Terminal) (Image, error) {
	refs, promised, err := s.References(nix)
	if err != nil {
		return Image{}, err
	}
	promise := ""
	if promised {
		promise = nix.Version
	}
	var other *engine.OtherPlatformError
	for _, ref := range refs {
		found, err := s.local(ctx, e, ref, promise)
		if err == nil || !engine.IsNotFound(err) {
			return found, err
		}
		errors.As(err, &other)
	}
	if s.Pull == PullNever && other != nil {
		return Image{}, other
	}
	if s.Pull == PullNever {
		return Image{}, hint.Add(fmt.Errorf("%s is not on the engine and --pull is never", describe(refs, nix)), "load it with `nixproxy image load ARCHIVE`")
	}
	var missing error
	for _, ref := range refs {
		found, err := s.pull(ctx, e, ref, promise, t)
		if err == nil || !absent(err) {
			return found, err
		}
		missing = err
	}
	if !promised {
		return Image{}, missing
	}
	return s.nearest(ctx, e, nix, t)
}

// describe names the image that was sought; a snapshot of Nix has no reference.
func describe(refs []string, nix version.Nix) string {
	if len(refs) == 0 {
		return "an image of Nix " + nix.Version
	}
	return "image " + refs[0]
}

// local returns the image that the engine has already, unless it is always pulled.
func (s Source) local(ctx context.Context, e Engine, ref, promise string) (Image, error) {
	if s.Pull == PullAlways {
		return Image{}, notThere{}
	}
	return s.inspect(ctx, e, ref, promise)
}

// inspect returns an image that is on the engine for the platform.
func (s Source) inspect(ctx context.Context, e Engine, ref, promise string) (Image, error) {
	found, err := e.FindImage(ctx, ref, s.Platform)
	if err != nil {
		return Image{}, err
	}
	return Image{Image: found, Reference: ref, Identity: Identity(found), Version: promise}, nil
}

// notThere stands for the engine's "not found" where the engine is not asked.
type notThere struct{}

func (notThere) Error() string { return "not there" }
func (notThere) NotFound()     {}

// Identity is a hash over what an image is: its layers, environment and
// platform. Unlike the engine's image id it is the same on every engine, and
// after save and load.
func Identity(i engine.Image) string {
	// Engines differ in whether "none" is nil or empty.
	layers, env := append([]string{}, i.Layers...), append([]string{}, i.Env...)
	content, err := json.Marshal([]any{layers, env, i.OS, i.Arch, i.Variant})
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:12])
}

// absent tells whether a pull failed because the registry has no such image,
// or none for the platform. Engines say so in different words and places.
func absent(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	text := err.Error()
	for _, words := range []string{"manifest unknown", "MANIFEST_UNKNOWN", "manifest for ", "no matching manifest", ": not found", "no image found in", "does not match the specified platform"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return engine.IsNotFound(err)
}
