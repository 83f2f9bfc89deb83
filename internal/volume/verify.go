package volume

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/nixstore"
)

// Verify reads all that the volume's database says is there, and tells what is
// broken. With repair it also repairs what needs no image. It waits for no job.
func (h Handle) Verify(ctx context.Context, repair bool, progress Progress) (found agentapi.Verification, err error) {
	s, err := h.start(ctx, agentapi.ModeVerify, repair)
	if err != nil {
		return found, err
	}
	defer s.Close()
	if err := agentapi.Follow(s, progress.Set, &found); err != nil {
		return found, s.explain(ctx, err)
	}
	return found, nil
}

// Repair copies broken paths anew from an image that has them, and notes in each
// that it did.
func (h Handle) Repair(ctx context.Context, from image.Image, broken []agentapi.BrokenPath, progress Progress) error {
	var left []agentapi.BrokenPath
	for _, b := range broken {
		if !b.Repaired {
			left = append(left, b)
		}
	}
	list, err := json.Marshal(left)
	if err != nil {
		return err
	}
	h.Place.Image = from.Image
	var repaired []nixstore.Path
	err = h.RunNext(ctx, container.Job{Mode: []string{agentapi.ModeRepair}, In: bytes.NewReader(list), Out: func(r io.Reader) error {
		return agentapi.Follow(r, progress.Set, &repaired)
	}})
	for n, b := range broken {
		if slices.Contains(repaired, b.Path) {
			broken[n].Repaired, broken[n].RepairedFrom = true, from.Reference
		}
	}
	return err
}
