// Package transfer copies store paths into a volume, from an image, a host or an archive,
// and out of it.
package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agent/platform"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/hint"
	"github.com/nixproxy/nixproxy/internal/nixlog"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Sync is the job of a throwaway container: it copies the whole store of its own image into
// the volume, which is in the alternate root, makes its roots and writes its stamp. A kill
// at any moment leaves a volume that the next Sync completes. It writes its progress and
// then the stamp as lines of JSON.
func Sync(ctx context.Context, identity, reference string, out io.Writer) error {
	tell := agentapi.NewTeller(out)
	volume := layout.Alternate
	if err := volume.Prepare(); err != nil {
		return fmt.Errorf("preparing the volume: %w", err)
	}
	leave, err := volume.Occupy(layout.Underway)
	if err != nil {
		return err
	}
	defer leave()
	if stamp, err := volume.Stamp(identity); err == nil {
		return tell.Result(agentapi.Synced{Stamp: &stamp}) // another sync was faster
	}
	stamp, err := describeImage(ctx, identity, reference)
	if err != nil {
		return err
	}
	if err := volume.Admit(stamp); err != nil {
		return err
	}
	leaveImage, err := volume.UseImage(identity) // a collection may run at the same time, if the disk is full
	if err != nil {
		return fmt.Errorf("marking the image as in use: %w", err)
	}
	defer leaveImage()
	// Roots come first, so that no collector finds a path of the image unrooted.
	if err := volume.RootImage(stamp); err != nil {
		return fmt.Errorf("rooting the image's store paths: %w", err)
	}
	if err := copyStore(ctx, stamp, tell); errors.Is(err, errHeld) {
		return tell.Result(agentapi.Synced{Held: volume.Holders()})
	} else if err != nil {
		return err
	}
	if err := firstProfiles(volume); err != nil {
		return fmt.Errorf("making the volume's first profiles: %w", err)
	}
	if err := volume.Flush(); err != nil {
		return err
	}
	stamp.Synced = time.Now().UTC().Format(time.RFC3339)
	if err := volume.WriteStamp(stamp); err != nil {
		return fmt.Errorf("writing the stamp: %w", err)
	}
	return tell.Result(agentapi.Synced{Stamp: &stamp})
}

// describeImage returns the stamp of the container's image, without a time.
func describeImage(ctx context.Context, identity, reference string) (agentapi.Stamp, error) {
	s := agentapi.Stamp{Identity: identity, Reference: reference}
	program, err := exec.LookPath("nix")
	if err != nil {
		return s, hint.Add(fmt.Errorf("image %s holds no nix on its PATH", reference), "nixproxy needs a Nix image such as nixos/nix")
	}
	if s.Nix, err = storePath(program); err != nil {
		return s, err
	}
	if s.Profile, err = storePath(layout.DefaultProfile); err != nil {
		return s, err
	}
	// An image may have a plain /etc; then there is no base-system to keep.
	s.BaseSystem, _ = storePath("/etc/passwd")
	version, err := nix.Image(ctx, "nix", "--version").Output()
	if err != nil {
		return s, fmt.Errorf("asking the image's nix for its version: %w", platform.NotExecuted(program, err))
	}
	s.Version, _, _ = strings.Cut(string(version), "\n")
	s.Settings = neededSettings(ctx, program)
	return s, nil
}

// storePath returns the store path that a path of the image leads into.
func storePath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("following the image's %s: %w", path, err)
	}
	name, ok := strings.CutPrefix(real, nixstore.Dir+"/")
	if !ok {
		return "", hint.Add(fmt.Errorf("the image's %s leads to %s, not into the Nix store", path, real), "nixproxy needs a Nix image such as nixos/nix")
	}
	name, _, _ = strings.Cut(name, "/")
	return filepath.Join(nixstore.Dir, name), nil
}

// neededSettings returns the lines of configuration that the image's Nix needs and
// knows: it would warn of an unknown one.
func neededSettings(ctx context.Context, program string) []string {
	known := configuration(ctx)
	var lines []string
	// It writes a store path to disk before it calls it valid. fsync-store-paths
	// alone leaves out what is built (seen with 2.26.3 and 2.34.8: after a loss of
	// power outputs are valid and their files empty), and is no faster.
	for _, name := range []string{"sync-before-registering", "fsync-store-paths"} {
		if knows(known, name) {
			lines = append(lines, name+" = true")
			break
		}
	}
	// A filter of system calls is for the kernel's own architecture, and an
	// emulator loads none of another's: every build would fail.
	if platform.Emulated(program) && knows(known, "filter-syscalls") {
		lines = append(lines, "filter-syscalls = false")
	}
	return lines
}

// configuration returns all settings of the image's Nix, a line for each.
func configuration(ctx context.Context) []byte {
	for _, command := range [][]string{{"show-config"}, {"config", "show"}} {
		known, err := nix.Image(ctx, "nix", command...).Output()
		if err == nil {
			return known
		} // the name differs between versions
	}
	return nil
}

func knows(configuration []byte, setting string) bool {
	return bytes.Contains(append([]byte("\n"), configuration...), []byte("\n"+setting+" = "))
}

// errHeld is the error of a Nix that would wait until no other one uses the store.
var errHeld = errors.New("the volume's store is in use")

// brief is how long Nix may wait for others: most of them end soon.
const brief = time.Second

// copyStore makes the image's own Nix copy the paths that the volume lacks.
func copyStore(ctx context.Context, s agentapi.Stamp, tell agentapi.Teller) error {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	var wait *time.Timer
	c := nix.Image(ctx, filepath.Join(s.Nix, "bin/nix"), "copy", "--all", "--no-check-sigs",
		"--to", nix.AlternateURI, "--log-format", "internal-json")
	// A path must not be valid before it is on disk: after a loss of power the
	// next copy would take the database's word for it.
	c.Env = append(c.Env, nix.Config(s.Settings...))
	log := &nixlog.Log{
		Waits: func() { wait = time.AfterFunc(brief, func() { giveUp(errHeld) }) },
		Paths: func(done, total int64) {
			if wait != nil {
				wait.Stop()
			}
			tell.Progress(done, total)
		},
	}
	c.Stderr = log
	if err := c.Run(); err != nil {
		if errors.Is(context.Cause(ctx), errHeld) {
			return errHeld
		}
		return fmt.Errorf("copying the image's store into the volume: %w", log.Explain(err))
	}
	return nil
}

// firstProfiles gives an empty volume the image's profiles (the default one and
// root's channels). From then on they belong to the user, and no sync changes them.
func firstProfiles(v layout.Volume) error {
	for _, name := range []string{"default", "per-user/root/channels"} {
		target, err := storePath(filepath.Join("/nix/var/nix/profiles", name))
		if err != nil {
			continue // not every image has channels
		}
		link := v.State("profiles", name)
		if _, err := os.Lstat(link); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			return err
		}
		generation := filepath.Base(name) + "-1-link"
		if err := layout.ReplaceLink(target, filepath.Join(filepath.Dir(link), generation)); err != nil {
			return err
		}
		if err := layout.ReplaceLink(generation, link); err != nil {
			return err
		}
	}
	return nil
}
