package jobs

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Tidy collects garbage, and lets go of nothing else, until the store is no
// larger than that; without haste, and not while another one does.
func Tidy(ctx context.Context, most int64) error {
	if err := beHumble(); err != nil {
		return fmt.Errorf("lowering the priority: %w", err)
	}
	unlock, err := layout.Lock(layout.InPlace.Own("tidy"), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
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
