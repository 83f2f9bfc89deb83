package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// environment is docker.nix's: everything goes through the default profile. Where an arm64 image
// is to run under qemu, it also has that compute no real signatures of pointers, which halves the
// time that a program takes.
func environment(arch string, emulated bool) []string {
	env := []string{
		"USER=root",
		"PATH=/root/.nix-profile/bin:/nix/var/nix/profiles/default/bin:/nix/var/nix/profiles/default/sbin",
		"MANPATH=/root/.nix-profile/share/man:/nix/var/nix/profiles/default/share/man",
		"SSL_CERT_FILE=" + certificate,
		"GIT_SSL_CAINFO=" + certificate,
		"NIX_SSL_CERT_FILE=" + certificate,
		"NIX_PATH=/nix/var/nix/profiles/per-user/root/channels:/root/.nix-defexpr/channels",
	}
	if arch == "arm64" && emulated {
		env = append(env, "QEMU_CPU=max,pauth-impdef=on")
	}
	return env
}

// writeImage packs a file system into a docker archive of two layers, the store's paths and the
// rest.
func writeImage(file, root, reference, arch string, env, cmd []string) error {
	tag, err := name.NewTag(reference)
	if err != nil {
		return err
	}
	inStore := func(rel string) bool { return strings.HasPrefix("/"+rel, storeDir+"/") }
	img := empty.Image
	for i, part := range []func(string) bool{inStore, func(rel string) bool { return !inStore(rel) }} {
		layer := fmt.Sprintf("%s.layer%d", file, i)
		defer os.Remove(layer)
		if err := writeLayer(layer, root, part); err != nil {
			return err
		}
		if img, err = appendLayer(img, layer); err != nil {
			return err
		}
	}
	config := &v1.ConfigFile{
		OS: "linux", Architecture: arch, Created: v1.Time{Time: time.Unix(1, 0).UTC()}, RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{User: "0:0", Env: env, Cmd: cmd},
	}
	if img, err = setConfig(img, config); err != nil {
		return err
	}
	return tarball.WriteToFile(file, tag, img)
}

func appendLayer(img v1.Image, file string) (v1.Image, error) {
	layer, err := tarball.LayerFromFile(file, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(img, layer)
}

// setConfig keeps the layers that the image has and takes everything else from config.
func setConfig(img v1.Image, config *v1.ConfigFile) (v1.Image, error) {
	has, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config.RootFS, config.History = has.RootFS, has.History
	return mutate.ConfigFile(img, config)
}

// writeLayer packs what part chooses. The same tree gives the same bytes.
func writeLayer(file, root string, part func(rel string) bool) error {
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." || !part(rel) {
			return err
		}
		return addEntry(archive, name, rel, entry)
	})
	return errors.Join(err, archive.Close(), out.Close())
}

func addEntry(archive *tar.Writer, name, rel string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(name); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	header.Name, header.ModTime, header.Format = rel, time.Unix(1, 0), tar.FormatPAX
	header.Uname, header.Gname, header.AccessTime, header.ChangeTime = "", "", time.Time{}, time.Time{}
	if info.IsDir() {
		header.Name += "/"
	}
	if err := archive.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
		return err
	}
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.Copy(archive, in)
	return err
}
