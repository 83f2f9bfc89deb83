package proxy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/go-units"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/hint"
)

// limits are what the settings allow a proxy container to use.
func (p *Proxy) limits() (engine.Limits, error) {
	var l engine.Limits
	if size := p.Settings.Memory; size != "" {
		bytes, err := units.RAMInBytes(size)
		if err != nil {
			return l, fmt.Errorf("reading the memory %q: %w", size, err)
		}
		l.Memory = bytes
	}
	if number := p.Settings.CPUs; number != "" {
		cpus, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return l, fmt.Errorf("reading the number of processors %q: %w", number, err)
		}
		l.NanoCPUs = int64(cpus * 1e9)
	}
	return l, nil
}

// A refusedLimits is the engine's refusal of the limits, which another attempt
// would meet again.
type refusedLimits struct{ error }

func (r *refusedLimits) Unwrap() error { return r.error }

// explainLimits says how to go on where the engine refuses them: as out of its
// range when it creates the container, or as beyond its control groups, as
// without root, when it starts it.
func explainLimits(l engine.Limits, err error) error {
	if l == (engine.Limits{}) || !engine.IsInvalid(err) && !strings.Contains(err.Error(), "cgroup") {
		return err
	}
	return hint.Add(&refusedLimits{err}, "choose another --memory or --cpus, or leave them out")
}
