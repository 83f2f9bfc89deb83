package engine

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/api/types/volume"
)

// A Volume is a named volume of the engine.
type Volume struct {
	Name   string
	Labels map[string]string
}

// CreateVolume creates a volume, or returns the one of that name with the
// labels that it has.
func (e *Engine) CreateVolume(ctx context.Context, name string, labels map[string]string) (Volume, error) {
	v, err := e.api.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
	if err != nil {
		return Volume{}, fmt.Errorf("creating volume %s: %w", name, plainly(err))
	}
	if len(v.Labels) == 0 {
		// A Docker that was started anew forgets them here, until somebody looks (seen with 28.5).
		return e.FindVolume(ctx, name)
	}
	return Volume{Name: v.Name, Labels: v.Labels}, nil
}

// FindVolume inspects a volume; IsNotFound tells when there is none.
func (e *Engine) FindVolume(ctx context.Context, name string) (Volume, error) {
	v, err := e.api.VolumeInspect(ctx, name)
	if err != nil {
		return Volume{}, fmt.Errorf("looking for volume %s: %w", name, plainly(err))
	}
	return Volume{Name: v.Name, Labels: v.Labels}, nil
}

// Volumes lists the volumes that carry all the labels.
func (e *Engine) Volumes(ctx context.Context, labels ...string) ([]Volume, error) {
	list, err := e.api.VolumeList(ctx, volume.ListOptions{Filters: withLabels(labels)})
	if err != nil {
		return nil, fmt.Errorf("listing volumes: %w", err)
	}
	var all []Volume
	for _, v := range list.Volumes {
		all = append(all, Volume{Name: v.Name, Labels: v.Labels})
	}
	return all, nil
}

// RemoveVolume removes a volume that no container uses; one that does not exist
// is success.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	if err := e.api.VolumeRemove(ctx, name, false); err != nil && !IsNotFound(err) {
		return fmt.Errorf("removing volume %s: %w", name, plainly(err))
	}
	return nil
}

func (e *Engine) atLeast(version string) bool {
	return versions.GreaterThanOrEqualTo(e.api.ClientVersion(), version)
}
