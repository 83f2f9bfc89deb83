package gc

import (
	"context"
	"errors"
	"fmt"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/filelock"
)

// Auto collects garbage until the store is no larger than maxSize bytes. It drops no
// roots, runs at low priority, and does nothing while another one runs.
func Auto(ctx context.Context, maxSize int64) error {
	if err := lowerPriority(); err != nil {
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
	c := collector{Volume: layout.InPlace, plan: agentapi.GCPlan{MaxSize: maxSize}}
	if err := c.readStore(ctx); err != nil {
		return err
	}
	return c.deleteGarbage(ctx, nil)
}
