package proxy

import (
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/project"
)

func binds(mounts []project.Mount) []engine.Mount {
	var all []engine.Mount
	for _, m := range mounts {
		all = append(all, engine.Mount{Bind: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return all
}
