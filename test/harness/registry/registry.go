//go:build linux && acceptance

// Package registry serves the test images from this machine.
package registry

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/nixproxy/nixproxy/test/harness/images"
)

func tarOf(name string, content []byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))})
	w.Write(content)
	w.Close()
	return b.Bytes()
}

// Registry are three doors, each a port on 127.0.0.1, to one and the same
// content.
type Registry struct {
	Open   string // serves everybody
	Closed string // wants user and password
	Broken string // has only the beginning of large layers
	Images map[string]v1.Image
}

const (
	registryUser     = "walter"
	registryPassword = "p:ss wörd"
	brokenAfter      = 64 << 10 // bytes of a layer
)

// Start serves images, which are pushed by their versions, until the process ends.
func Start(images []images.Image) (*Registry, error) {
	content := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r := &Registry{Images: map[string]v1.Image{}}
	for door, handler := range map[*string]http.Handler{
		&r.Open: content, &r.Closed: wantPassword(content), &r.Broken: truncateLayers(content),
	} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*door = listener.Addr().String()
		go http.Serve(listener, handler) // until the process ends
	}
	for _, i := range images {
		image, err := ReadArchive(i.Archive)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", i.Archive, err)
		}
		r.Images[i.Version] = image
	}
	return r, nil
}

// ReadArchive reads an archive's image with layers that are quickly compressed,
// and that only once.
func ReadArchive(archive string) (v1.Image, error) {
	from, err := tarball.ImageFromPath(archive, nil)
	if err != nil {
		return nil, err
	}
	layers, err := from.Layers()
	if err != nil {
		return nil, err
	}
	image := empty.Image
	for _, l := range layers {
		quick, err := tarball.LayerFromOpener(l.Uncompressed, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, quick); err != nil {
			return nil, err
		}
	}
	config, err := from.ConfigFile()
	if err != nil {
		return nil, err
	}
	return mutate.ConfigFile(image, config)
}

// Push gives an image a reference. What the registry has of it already is not
// sent again.
func (r *Registry) Push(ref, version string, change ...func(v1.Image) (v1.Image, error)) error {
	image, ok := r.Images[version]
	if !ok {
		return fmt.Errorf("there is no test image of Nix %s", version)
	}
	for _, f := range change {
		var err error
		if image, err = f(image); err != nil {
			return err
		}
	}
	to, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return err
	}
	return remote.Write(to, image)
}

// Fresh gives an image a layer that no engine can have yet: its pull downloads,
// and its identity is its own.
func Fresh(size int) func(v1.Image) (v1.Image, error) {
	return func(image v1.Image) (v1.Image, error) {
		content := make([]byte, size)
		rand.Read(content)
		archive := tarOf("fresh", content)
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(archive)), nil })
		if err != nil {
			return nil, err
		}
		return mutate.AppendLayers(image, layer)
	}
}

// PushForeign makes a reference an index that has an image for another
// architecture alone.
func (r *Registry) PushForeign(ref, version string) error {
	image, err := mutateArchitecture(r.Images[version], "s390x")
	if err != nil {
		return err
	}
	return PushIndex(ref, map[string]v1.Image{"s390x": image})
}

// PushIndex makes a reference an index of images by their architectures.
func PushIndex(ref string, images map[string]v1.Image) error {
	index := v1.ImageIndex(empty.Index)
	for arch, image := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	to, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return err
	}
	return remote.WriteIndex(to, index)
}

func mutateArchitecture(image v1.Image, architecture string) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Architecture = architecture
	return mutate.ConfigFile(image, config)
}

func wantPassword(content http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != registryUser || password != registryPassword {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you?"}]}`, http.StatusUnauthorized)
			return
		}
		content.ServeHTTP(w, r)
	})
}

func truncateLayers(content http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			w = &truncated{ResponseWriter: w}
		}
		content.ServeHTTP(w, r)
	})
}

// truncated ends a body early and says so in its length, as a registry does
// whose own copy is cut off: an engine need not wait and try again.
type truncated struct {
	http.ResponseWriter
	n int
}

func (t *truncated) WriteHeader(status int) {
	if length, _ := strconv.Atoi(t.Header().Get("Content-Length")); length > brokenAfter {
		t.Header().Set("Content-Length", strconv.Itoa(brokenAfter))
	}
	t.ResponseWriter.WriteHeader(status)
}

func (t *truncated) Write(p []byte) (int, error) {
	keep := p[:min(len(p), max(brokenAfter-t.n, 0))]
	t.n += len(p)
	if _, err := t.ResponseWriter.Write(keep); err != nil {
		return 0, err
	}
	return len(p), nil
}
