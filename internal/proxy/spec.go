package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/docker/go-units"

	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/image"
	"github.com/nixproxy/nixproxy/internal/project"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/terminal"
	"github.com/nixproxy/nixproxy/internal/version"
)

// spec is what must be there for a command, as far as it can be known without
// asking the engine.
type spec struct {
	endpoint engine.Endpoint
	nix      version.Nix
	onHost   bool // the host has a Nix, or one was asked for
	source   image.Source
	volume   string          // as set; empty is the default
	project  project.Project // of a session
	config   configuration
	limits   engine.Limits
	agents   string // hashes of the agents that the containers get
}

func (p *Proxy) spec(ctx context.Context) (*spec, error) {
	endpoint, err := p.endpoint()
	if err != nil {
		return nil, err
	}
	nix, onHost, err := p.nix(ctx)
	if err != nil {
		return nil, err
	}
	limits, err := p.limits()
	if err != nil {
		return nil, err
	}
	return &spec{
		endpoint: endpoint, nix: nix, onHost: onHost, config: p.configuration(nix),
		source: p.Source(), volume: p.Settings.Volume, limits: limits, agents: p.Agents.Hashes(),
	}, nil
}

// project returns what the command sees of the host.
func (p *Proxy) project() (project.Project, error) {
	s := p.Settings
	choice := project.Choice{Mounts: s.Mounts, NoMount: s.NoMount, Workdir: s.Workdir}
	return project.Find(p.Host.Dir, p.Host.Home, choice, project.Local())
}

func (p *Proxy) endpoint() (engine.Endpoint, error) {
	return engine.Find(engine.Choice{Host: p.Settings.Host, Context: p.Settings.Context}, p.Host.Engine)
}

// Source is where the settings say that images come from.
func (p *Proxy) Source() image.Source {
	s := p.Settings
	return image.Source{Template: s.Image, Registry: s.Registry, Platform: s.Platform, Pull: s.Pull}
}

// nix returns the Nix that the settings name, else the host's, else the default. It
// returns false for the default.
func (p *Proxy) nix(ctx context.Context) (version.Nix, bool, error) {
	if p.Settings.NixVersion != "" {
		nix, err := version.ParseRequested(p.Settings.NixVersion)
		return nix, true, err
	}
	nix, found, err := version.Local(p.Host.Home, p.Host.Self, p.State.Cache("nix")).Find(ctx)
	if err != nil || found {
		return nix, found, err
	}
	nix, err = version.ParseRequested(version.Default)
	return nix, false, err
}

// explain notes what a user may wonder about. Only the slow way does so.
func (s *spec) explain(t *terminal.Terminal) {
	if !s.onHost {
		t.Note("this host has no Nix; using %s (choose another with --nix-version)", s.nix.Version)
	}
	if s.project.Note != "" {
		t.Note("%s", s.project.Note)
	}
	if s.config.withheld != nil {
		t.Note("%v", s.config.withheld)
	}
}

// request returns the command as the agent gets it.
func (p *Proxy) request(s *spec, c Command) session.Request {
	return session.Request{
		Argv: c.Argv, Dir: s.project.Dir, Env: c.Env, Umask: uint32(p.Host.Umask), Terminal: c.Terminal, OneFile: c.OneFile,
		Nix: s.config.nix, Secrets: s.config.secrets,
		SSH: c.SSH, SSHAgent: p.Settings.SSH, Idle: p.idle(), MaxSize: p.maxSize(),
	}
}

// idle returns how long the container may be without a session afterwards.
func (p *Proxy) idle() time.Duration {
	idle, err := time.ParseDuration(p.Settings.IdleTimeout)
	if err != nil {
		return session.Idle // the command has no such setting
	}
	return idle
}

// maxSize returns the size in bytes above which garbage is collected by itself; 0 is
// never.
func (p *Proxy) maxSize() int64 {
	size, err := units.RAMInBytes(p.Settings.MaxSize)
	if err != nil {
		return 0 // it is not set
	}
	return size
}

// stateFile names the file where the container that meets this spec is remembered.
func (s *spec) stateFile() string {
	return "proxies/" + digest(s.endpoint.Address, s.nix.Flavour, s.nix.Version, s.source.Template, s.source.Registry,
		s.source.Platform, s.volume, s.project.Mounts, s.project.Safe, s.limits, s.agents) + ".json"
}

func digest(parts ...any) string {
	content, err := json.Marshal(parts)
	if err != nil {
		panic(fmt.Sprintf("strings always marshal: %v", err))
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:16])
}
