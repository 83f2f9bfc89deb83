package enginetest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/engine"
)

// AddImage puts an image there under references without a call.
func (e *Engine) AddImage(i engine.Image, refs ...string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ref := range refs {
		e.images[ref] = i
	}
}

// image is the image with a reference or an id.
func (e *Engine) image(name string) (engine.Image, error) {
	i, ok := e.images[name]
	for _, ref := range slices.Sorted(maps.Keys(e.images)) {
		if !ok && e.images[ref].ID == name {
			i, ok = e.images[ref], true
		}
	}
	if !ok {
		return i, NotFound("no such image: %s", name)
	}
	i.Tags = e.tags(i.ID, func(string) bool { return true })
	return i, nil
}

// tags are those references of an image that pass.
func (e *Engine) tags(id string, pass func(ref string) bool) (tags []string) {
	for _, ref := range slices.Sorted(maps.Keys(e.images)) {
		if e.images[ref].ID == id && pass(ref) {
			tags = append(tags, ref)
		}
	}
	return tags
}

// FindImage returns the image with a reference or an id, if it is for the platform.
func (e *Engine) FindImage(ctx context.Context, ref, platform string) (engine.Image, error) {
	if err := e.enter(ctx, "find-image", ref); err != nil {
		return engine.Image{}, err
	}
	defer e.mu.Unlock()
	i, err := e.image(ref)
	if wanted := cmp.Or(platform, e.Info.OS+"/"+e.Info.Arch); err == nil && !i.Is(wanted) {
		return engine.Image{}, &engine.OtherPlatformError{Reference: ref, Has: i.OS + "/" + i.Arch, Wanted: wanted}
	}
	return i, err
}

// Images lists the images with a reference that matches one of the patterns.
func (e *Engine) Images(ctx context.Context, patterns ...string) ([]engine.Image, error) {
	if err := e.enter(ctx, "list-images", ""); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	var all []engine.Image
	for _, ref := range slices.Sorted(maps.Keys(e.images)) {
		i := e.images[ref]
		i.Tags = e.tags(i.ID, func(ref string) bool { return matches(ref, patterns) })
		if len(i.Tags) > 0 && i.Tags[0] == ref {
			all = append(all, engine.Image{ID: i.ID, Tags: i.Tags, Size: i.Size})
		}
	}
	return all, nil
}

func matches(ref string, patterns []string) bool {
	repository := ref
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		repository = ref[:i]
	}
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		whole, _ := path.Match(pattern, ref)
		named, _ := path.Match(pattern, repository)
		return whole || named
	})
}

// PullImage gets an image from Registry.
func (e *Engine) PullImage(ctx context.Context, ref, _ string, tell func(engine.PullEvent)) error {
	if err := e.change(ctx, "pull", ref); err != nil {
		return err
	}
	defer e.mu.Unlock()
	for _, event := range e.Events {
		tell(event)
	}
	i, ok := e.Registry[ref]
	if !ok {
		return fmt.Errorf("pulling %s: manifest for %s not found: manifest unknown", ref, ref)
	}
	e.images[ref] = i
	return nil
}

// manifest is the file of an archive that says which images are in it.
const manifest = "manifest.json"

// SaveImages returns an archive of images, which LoadImages reads.
func (e *Engine) SaveImages(ctx context.Context, refs []string) (io.ReadCloser, error) {
	if err := e.enter(ctx, "save", strings.Join(refs, " ")); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	images := map[string]engine.Image{}
	for _, ref := range refs {
		i, err := e.image(ref)
		if err != nil {
			return nil, err
		}
		images[ref] = i
	}
	content, err := json.Marshal(images)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(Tar(manifest, string(content)))), nil
}

// Tar is an archive with one file.
func Tar(name, content string) []byte {
	var b bytes.Buffer
	to := tar.NewWriter(&b)
	_ = to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
	_, _ = io.WriteString(to, content)
	_ = to.Close()
	return b.Bytes()
}

// LoadImages takes what SaveImages gave, and returns the references.
func (e *Engine) LoadImages(ctx context.Context, archive io.Reader) ([]string, error) {
	images, err := readArchive(archive)
	if err != nil {
		return nil, fmt.Errorf("in the engine's words: %w", err)
	}
	refs := slices.Sorted(maps.Keys(images))
	if err := e.change(ctx, "load", strings.Join(refs, " ")); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	maps.Copy(e.images, images)
	return refs, nil
}

// readArchive reads an archive to its end, and what it says of its images then.
func readArchive(archive io.Reader) (images map[string]engine.Image, err error) {
	var content []byte
	for files := tar.NewReader(archive); ; {
		file, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if file.Name != manifest {
			continue
		}
		if content, err = io.ReadAll(files); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(io.Discard, archive); err != nil {
		return nil, err
	}
	if content == nil {
		return nil, errors.New("the archive has no " + manifest)
	}
	err = json.Unmarshal(content, &images)
	return images, err
}

// RemoveImage removes a reference. The last one of an image that a container is
// made of cannot be removed.
func (e *Engine) RemoveImage(ctx context.Context, ref string) error {
	if err := e.change(ctx, "remove-image", ref); err != nil {
		return err
	}
	defer e.mu.Unlock()
	i, ok := e.images[ref]
	if !ok {
		return NotFound("no such image: %s", ref)
	}
	uses := func(c *Container) bool { return c.Image == i.ID }
	if len(e.tags(i.ID, func(string) bool { return true })) == 1 && slices.ContainsFunc(e.containers, uses) {
		return Conflict("unable to remove repository reference %q (must force): a container is using it", ref)
	}
	delete(e.images, ref)
	return nil
}
