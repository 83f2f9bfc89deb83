package transfer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// adopt makes what is wanted the volume's own once all of it is valid: when it is
// on the disk it is rooted, and the images are stamped. A stamp that is here
// already stays. Nothing is new when all was there and rooted: then there is
// nothing to wait for.
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
