package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// Sync copies an image's store into the volume and returns the stamp. A stamped
// image costs one question; begin is called when there is more to do.
func (h Handle) Sync(ctx context.Context, identity, reference string, begin func() Progress) (agentapi.Stamp, error) {
	for {
		prepared, err := h.Prepare(ctx)
		if err != nil {
			return agentapi.Stamp{}, err
		}
		if prepared.Damage != "" {
			return agentapi.Stamp{}, hint.Add(&UnusableError{Volume: h.Name, Err: errors.New(prepared.Damage)}, "`nixproxy volume verify --repair` repairs it")
		}
		if stamp, ok := prepared.Stamped(identity); ok {
			return stamp, nil
		}
		progress := begin()
		var synced agentapi.Synced
		err = h.Run(ctx, container.Job{
			Mode: []string{agentapi.ModeSync, identity, reference},
			Out:  func(r io.Reader) error { return agentapi.Follow(r, progress.Set, &synced) },
		})
		if err == nil && synced.Stamp == nil {
			err = &HeldError{Volume: h, Holders: synced.Held}
		}
		progress.End(err)
		if errors.Is(err, container.ErrOccupied) {
			continue
		}
		if err != nil {
			return agentapi.Stamp{}, fmt.Errorf("syncing image %s into volume %s: %w", reference, h.Name, err)
		}
		return *synced.Stamp, nil
	}
}

// A HeldError says that a Nix has to change the form of the volume's database
// before it can use it, and that others use it now.
type HeldError struct {
	Volume  Handle
	Holders []agentapi.Holder
}

func (e *HeldError) Error() string {
	users := []string{}
	for _, h := range e.Holders {
		users = append(users, h.String())
	}
	if len(users) == 0 {
		users = []string{"other processes"}
	}
	return fmt.Sprintf("its Nix changes the database of the volume once, which is in use by %s", strings.Join(users, " and "))
}

// Held tells whether they still use it. A volume without its anchor is not in use.
func (e *HeldError) Held(ctx context.Context) bool {
	var left []agentapi.Holder
	return e.Volume.Query(ctx, "", &left, agentapi.ModeHolders) == nil && len(left) > 0
}
