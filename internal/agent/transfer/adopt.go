package transfer

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// adopt roots the requested paths and writes their images' stamps, once all paths are
// valid. An image that has a stamp keeps it. The volume is flushed to the disk first,
// unless nothing was received and all was rooted before.
func adopt(v layout.Volume, request agentapi.Request, received int) error {
	for _, s := range request.Images {
		leave, err := v.UseImage(s.Identity) // else a collection could drop its roots, as it has no stamp yet
		if err != nil {
			return fmt.Errorf("marking image %s as in use: %w", s.Reference, err)
		}
		defer leave()
		if err := v.RootImage(s); err != nil {
			return fmt.Errorf("rooting the store paths of image %s: %w", s.Reference, err)
		}
	}
	if received > 0 || len(request.Images) > 0 || !v.Settled(request.Roots) {
		if err := v.Flush(); err != nil {
			return err
		}
	}
	if err := v.RootSynced(request.Roots); err != nil {
		return err
	}
	for _, s := range request.Images {
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
