package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
)

// Tidy collects garbage, and lets go of nothing else, until the store is no
// larger than that; without haste, and not while another one does.
func Tidy(ctx context.Context, most int64) error {
	if err := beHumble(); err != nil {
		return fmt.Errorf("lowering the priority: %w", err)
	}
	unlock, err := filelock.TryAcquire(layout.InPlace.Own("tidy"), filelock.Exclusive)
	if errors.Is(err, filelock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	c := collection{Volume: layout.InPlace, plan: agentapi.GCPlan{MaxSize: most}}
	if err := c.look(ctx); err != nil {
		return err
	}
	return c.take(ctx, nil)
}
