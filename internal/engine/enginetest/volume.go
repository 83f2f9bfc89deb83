package enginetest

import (
	"context"
	"maps"
	"slices"

	"github.com/nixproxy/nixproxy/internal/engine"
)

// AddVolume puts a volume there without a call.
func (e *Engine) AddVolume(name string, labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.volumes[name] = engine.Volume{Name: name, Labels: labels}
}

// CreateVolume creates a volume, or returns the one of that name. That is a call
// only if it creates one.
func (e *Engine) CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error) {
	if err := e.enter(ctx, "create-volume", name); err != nil {
		return engine.Volume{}, err
	}
	defer e.mu.Unlock()
	if _, ok := e.volumes[name]; !ok {
		e.calls = append(e.calls, "create-volume "+name)
	}
	return e.createVolumeLocked(name, labels), nil
}

func (e *Engine) createVolumeLocked(name string, labels map[string]string) engine.Volume {
	if _, ok := e.volumes[name]; !ok {
		e.volumes[name] = engine.Volume{Name: name, Labels: maps.Clone(labels)}
	}
	return e.volumes[name]
}

// FindVolume returns the volume of a name.
func (e *Engine) FindVolume(ctx context.Context, name string) (engine.Volume, error) {
	if err := e.enter(ctx, "find-volume", name); err != nil {
		return engine.Volume{}, err
	}
	defer e.mu.Unlock()
	v, ok := e.volumes[name]
	if !ok {
		return engine.Volume{}, NotFound("get %s: no such volume", name)
	}
	return v, nil
}

// Volumes lists the volumes with all the labels, by their names.
func (e *Engine) Volumes(ctx context.Context, labels ...string) ([]engine.Volume, error) {
	if err := e.enter(ctx, "list-volumes", ""); err != nil {
		return nil, err
	}
	defer e.mu.Unlock()
	var all []engine.Volume
	for _, name := range slices.Sorted(maps.Keys(e.volumes)) {
		if v := e.volumes[name]; labelled(v.Labels, labels) {
			all = append(all, v)
		}
	}
	return all, nil
}

// RemoveVolume removes a volume that no container mounts.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	if err := e.change(ctx, "remove-volume", name); err != nil {
		return err
	}
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if slices.ContainsFunc(c.Spec.Mounts, func(m engine.Mount) bool { return m.Volume == name }) {
			return Conflict("remove %s: volume is in use by %s", name, c.Name)
		}
	}
	delete(e.volumes, name)
	return nil
}
