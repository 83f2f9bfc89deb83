package engine

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// settle bounds the wait for a name that is neither free nor taken for Podman.
const settle = 20 * time.Second

// createNamed creates a container, and repeats a request that fails because of its
// name. Podman 5.8 was seen to fail without calling that a conflict while another
// container of the name was being made or removed.
func createNamed(ctx context.Context, create func() (container.CreateResponse, error)) (container.CreateResponse, error) {
	for deadline := time.Now().Add(settle); ; {
		created, err := create()
		if err == nil || !foundLate(err) || time.Now().After(deadline) {
			return created, err
		}
		select {
		case <-ctx.Done():
			return created, ctx.Err()
		case <-time.After(settle / 200):
		}
	}
}

// foundLate tells such a failure by the words of Podman's storage and database.
func foundLate(err error) bool {
	text := err.Error()
	return !IsConflict(err) && (strings.Contains(text, "name is already in use") || strings.Contains(text, "container already exists"))
}
