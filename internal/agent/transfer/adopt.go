package transfer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// adopt roots what was requested, and stamps its images, once all of it is valid and on
// the disk. A stamp that the volume has already stays. If all was there and rooted,
// nothing is new and nothing has to be written.
func adopt(v layout.Volume, want agentapi.Request, received int) error {
	for _, s := range want.Images {
		leave, err := v.UseImage(s.Identity) // no collection takes the roots of one that has no stamp yet
		if err != nil {
			return fmt.Errorf("marking image %s as in use: %w", s.Reference, err)
		}
		defer leave()
		if err := v.RootImage(s); err != nil {
			return fmt.Errorf("rooting the store paths of image %s: %w", s.Reference, err)
		}
	}
	if received > 0 || len(want.Images) > 0 || !v.Settled(want.Roots) {
		if err := v.Flush(); err != nil {
			return err
		}
	}
	if err := v.RootSynced(want.Roots); err != nil {
		return err
	}
	for _, s := range want.Images {
		if _, err := v.Stamp(s.Identity); !errors.Is(err, os.ErrNotExist) {
			continue
		}
		s.Synced = time.Now().UTC().Format(time.RFC3339)
		if err := v.WriteStamp(s); err != nil {
			return fmt.Errorf("writing the stamp of image %s: %w", s.Reference, err)
		}
	}
	return nil
}
