package volume

import (
	"context"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Inspect tells what is in the volume and what keeps it. It takes no turn, so it
// does not wait for a job that works on the volume.
func (h Handle) Inspect(ctx context.Context) (found agentapi.Inspection, err error) {
	err = h.Query(ctx, "", &found, agentapi.ModeInspect)
	return found, err
}
