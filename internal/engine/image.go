package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/jsonmessage"

	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/platform"
)

// An Image is what the engine knows of one.
type Image struct {
	ID                string
	Tags              []string // references that name it
	OS, Arch, Variant string
	Layers            []string // diff ids, lowest first
	Env               []string
	Size              int64 // bytes
	Created           string
}

// PullEvent is the state of one layer of a pull.
type PullEvent struct {
	Layer       string
	Status      string // the engine's words: "Downloading", "Extracting", …
	Done, Total int64  // bytes; Total 0 is unknown
}

// FindImage inspects an image; IsNotFound tells when it is not there for the
// platform, an empty one being the engine's own. Engines with the containerd
// image store keep one for each platform under a reference; with the others the
// reference moves to what was pulled last.
func (e *Engine) FindImage(ctx context.Context, ref, platformName string) (Image, error) {
	found, err := e.api.ImageInspect(ctx, ref)
	id := found.ID // no container can be made of the platform's own id
	if err == nil && platformName != "" && e.atLeast("1.49") {
		found, err = e.api.ImageInspect(ctx, ref, client.ImageInspectWithPlatform(platformOf(platformName)))
	}
	if err != nil {
		return Image{}, fmt.Errorf("looking for image %s: %w", ref, plainly(err))
	}
	i := Image{ID: id, Tags: found.RepoTags, OS: found.Os, Arch: found.Architecture, Variant: found.Variant,
		Layers: found.RootFS.Layers, Size: found.Size, Created: found.Created}
	if found.Config != nil {
		i.Env = found.Config.Env
	}
	if wanted := cmp.Or(platformName, e.platform); wanted != "" && !i.Is(wanted) {
		return Image{}, &OtherPlatformError{Reference: ref, Has: i.OS + "/" + i.Arch, Wanted: wanted}
	}
	return i, nil
}

// An OtherPlatformError says that an image is there for another platform alone.
// IsNotFound is true for it.
type OtherPlatformError struct{ Reference, Has, Wanted string }

func (o *OtherPlatformError) Error() string {
	return fmt.Sprintf("image %s is for %s and %s is wanted", o.Reference, o.Has, o.Wanted)
}

// Unwrap returns the engine's "not found", with a hint.
func (o *OtherPlatformError) Unwrap() error {
	return hint.Add(errdefs.ErrNotFound, "choose the platform with --platform, or another --image")
}

// Images lists the images whose reference matches a pattern such as nixos/nix.
func (e *Engine) Images(ctx context.Context, patterns ...string) ([]Image, error) {
	args := filters.NewArgs()
	for _, pattern := range patterns {
		args.Add("reference", pattern)
	}
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: args})
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	var all []Image
	for _, i := range list {
		all = append(all, Image{ID: i.ID, Tags: i.RepoTags, Size: i.Size})
	}
	return all, nil
}

// PullImage pulls one reference with the credentials of the user's docker
// configuration. It calls tell for every change of a layer.
func (e *Engine) PullImage(ctx context.Context, ref, platformName string, tell func(PullEvent)) error {
	auth, helper, err := credentials(ref)
	if err != nil {
		return err
	}
	err = e.pull(ctx, ref, image.PullOptions{RegistryAuth: auth, Platform: platformName}, tell)
	if err != nil && helper != nil {
		return fmt.Errorf("pulling %s: %w (without credentials, as docker's credential helper failed: %v)", ref, plainly(err), helper) //nolint:errorlint // the helper is not the cause
	}
	if err != nil {
		return fmt.Errorf("pulling %s: %w", ref, plainly(err))
	}
	return nil
}

func (e *Engine) pull(ctx context.Context, ref string, options image.PullOptions, tell func(PullEvent)) error {
	body, err := e.api.ImagePull(ctx, ref, options)
	if err != nil {
		return err
	}
	defer body.Close()
	return eachMessage(body, tell)
}

func eachMessage(body io.Reader, tell func(PullEvent)) error {
	for decoder := json.NewDecoder(body); ; {
		var m jsonmessage.JSONMessage
		if err := decoder.Decode(&m); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if m.Error != nil {
			return errors.New(m.Error.Message)
		}
		event := PullEvent{Layer: m.ID, Status: m.Status}
		if m.Progress != nil {
			event.Done, event.Total = m.Progress.Current, m.Progress.Total
		}
		tell(event)
	}
}

// credentials looks up the registry of a reference in the user's docker
// configuration, and asks its credential helper. A helper may fail because an
// engine that was removed left it in the configuration. Like docker itself
// (docker/cli cli/command/registry.go, ResolveAuthConfig), credentials then returns
// none, and the helper's error, which explains a pull that fails.
func credentials(ref string) (auth string, helper, err error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return "", nil, fmt.Errorf("%q is not an image reference: %w", ref, plainly(err))
	}
	file, err := config.Load(config.Dir())
	if err != nil {
		return "", nil, fmt.Errorf("reading docker's configuration: %w", err)
	}
	host := reference.Domain(named)
	if host == "docker.io" {
		host = "https://index.docker.io/v1/" // the key docker login writes
	}
	found, helper := file.GetAuthConfig(host)
	auth, err = registry.EncodeAuthConfig(registry.AuthConfig(found))
	return auth, helper, err
}

// SaveImages streams a docker archive of the references.
func (e *Engine) SaveImages(ctx context.Context, refs []string) (io.ReadCloser, error) {
	body, err := e.api.ImageSave(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("saving %s: %w", strings.Join(refs, ", "), plainly(err))
	}
	return body, nil
}

// LoadImages loads a docker or OCI archive and returns what the engine loaded:
// references, or ids of untagged images.
func (e *Engine) LoadImages(ctx context.Context, archive io.Reader) ([]string, error) {
	response, err := e.api.ImageLoad(ctx, archive, client.ImageLoadWithQuiet(true))
	if err != nil {
		return nil, plainly(err)
	}
	defer response.Body.Close()
	var refs []string
	for decoder := json.NewDecoder(response.Body); ; {
		var m jsonmessage.JSONMessage
		if err := decoder.Decode(&m); err == io.EOF {
			break
		} else if err != nil {
			return nil, fmt.Errorf("reading the engine's answer: %w", err)
		}
		if m.Error != nil {
			return nil, errors.New(m.Error.Message)
		}
		for line := range strings.Lines(m.Stream) {
			if _, ref, ok := strings.Cut(line, "Loaded image"); ok {
				_, ref, _ = strings.Cut(ref, ": ")
				refs = append(refs, strings.Split(strings.TrimSpace(ref), ",")...)
			}
		}
	}
	if len(refs) == 0 {
		return nil, errors.New("the archive holds no images")
	}
	return refs, nil
}

// RemoveImage removes a reference, and the image when it was its last.
func (e *Engine) RemoveImage(ctx context.Context, ref string) error {
	if _, err := e.api.ImageRemove(ctx, ref, image.RemoveOptions{PruneChildren: true}); err != nil {
		return fmt.Errorf("removing image %s: %w", ref, plainly(err))
	}
	return nil
}

// Is tells whether the image is for a platform, written os/arch[/variant].
func (i Image) Is(platformName string) bool {
	os, arch, variant := platform.Split(platformName)
	return i.OS == os && i.Arch == arch && (variant == "" || i.Variant == "" || i.Variant == variant)
}
