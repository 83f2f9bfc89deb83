package gc

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/nix"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// A candidate is an image that might be dropped. No agent can begin to use it until unlock
// is called. unlock is nil if it is in use.
type candidate struct {
	agentapi.Stamp
	last   time.Time
	unlock func()
}

// decideImages keeps the images in use, and of the others those used last.
func (c *collector) decideImages(context.Context) error {
	images, unlock, err := c.candidates()
	defer unlock()
	if err != nil {
		return fmt.Errorf("finding out which images are in use: %w", err)
	}
	for i, image := range images {
		f := agentapi.Decision{Origin: agentapi.OriginImage, Name: image.Reference, LastUsed: image.last}
		switch {
		case image.unlock == nil:
			f.Reason = "in use"
		case i < c.plan.KeepImages:
			f.Reason = fmt.Sprintf("one of the last %d used (--keep-images)", c.plan.KeepImages)
		default:
			f.Delete, f.Reason = true, fmt.Sprintf("not in use, nor one of the last %d used (--keep-images)", c.plan.KeepImages)
		}
		c.add(f, c.rootsOfImage(image.Identity)...)
		if f.Delete && !c.plan.DryRun {
			if err := c.DropImage(image.Identity); err != nil {
				return fmt.Errorf("dropping image %s: %w", image.Reference, err)
			}
		}
	}
	if err := c.decideUnstampedImages(images); err != nil {
		return err
	}
	c.nix, err = nix.FindOwn(c.Volume) // now of an image that stays: a collector keeps the paths that it runs from
	return err
}

// candidates returns all images of the volume: first those in use, then the others by
// their last use.
func (c *collector) candidates() (images []candidate, unlock func(), err error) {
	unlock = func() {
		for _, image := range images {
			if image.unlock != nil {
				image.unlock()
			}
		}
	}
	stamps, err := c.Stamps()
	if err != nil {
		return nil, unlock, err
	}
	for _, s := range stamps {
		image := candidate{Stamp: s, last: c.UsedAt(s)}
		if image.unlock, err = c.LockImage(s); err != nil {
			return images, unlock, err
		}
		images = append(images, image)
	}
	slices.SortFunc(images, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.last.Compare(a.last))
	})
	return images, unlock, nil
}

func rank(c candidate) int {
	if c.unlock == nil {
		return 0
	}
	return 1
}

func (c *collector) rootsOfImage(identity string) (roots []agentapi.Root) {
	for _, r := range c.rootsOf(agentapi.OriginImage) {
		if filepath.Dir(r.Link) == c.ImageRoots(identity) {
			roots = append(roots, r)
		}
	}
	return roots
}

// decideUnstampedImages drops the roots of images without a stamp: a killed sync or
// collection has left them.
func (c *collector) decideUnstampedImages(stamped []candidate) error {
	dirs, err := filepath.Glob(c.ImageRoots("*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		identity := filepath.Base(dir)
		if slices.ContainsFunc(stamped, func(s candidate) bool { return s.Identity == identity }) {
			continue
		}
		if err := c.decideUnstamped(identity); err != nil {
			return fmt.Errorf("dropping image %s: %w", identity, err)
		}
	}
	return nil
}

// decideUnstamped decides about one image without a stamp.
func (c *collector) decideUnstamped(identity string) error {
	f := agentapi.Decision{Origin: agentapi.OriginImage, Name: identity, Reason: "it is being copied"}
	drop, err := c.dropUnstamped(identity)
	if drop {
		f.Delete, f.Reason = true, "it is not whole, as its sync was interrupted"
	}
	c.add(f, c.rootsOfImage(identity)...)
	return err
}

// dropUnstamped drops an image's roots unless it is in use or has got a stamp meanwhile: an
// import may run at the same time.
func (c *collector) dropUnstamped(identity string) (drop bool, err error) {
	unlock, err := c.LockImage(agentapi.Stamp{Identity: identity})
	if err != nil || unlock == nil {
		return false, err
	}
	defer unlock()
	if _, err := c.Stamp(identity); err == nil {
		return false, nil
	}
	if c.plan.DryRun {
		return true, nil
	}
	return true, os.RemoveAll(c.ImageRoots(identity))
}
