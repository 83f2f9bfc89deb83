package engine

import (
	"context"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// settle bounds the wait for a name that Podman takes for neither free nor taken.
const settle = 20 * time.Second

// createNamed creates a container. While another of that name is just made or
// removed, Podman finds it too late to call that a conflict, and says that it has
// failed (seen with 5.8): it is asked again until it knows.
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

// foundLate knows the words of Podman's storage and of its database.
func foundLate(err error) bool {
	words := err.Error()
	return !IsConflict(err) && (strings.Contains(words, "name is already in use") || strings.Contains(words, "container already exists"))
}
