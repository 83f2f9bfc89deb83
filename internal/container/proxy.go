package container

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/agentbin"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// A Proxy is all that a proxy container must be.
type Proxy struct {
	Place
	Identity string         // of the image
	Nix      string         // the version it promises, for people
	Project  string         // what it was made for, for people; empty: no project
	Mounts   []engine.Mount // of the host
	Safe     []string       // git repositories that git inside may use whoever owns them
	Publish  bool           // the agent's port; a container is as good without it
	Limits   engine.Limits
}

// Specification is a hash over everything that makes one proxy container
// another one.
func (p Proxy) Specification() string {
	content, err := json.Marshal([]any{p.Volume, p.Identity, p.Platform, p.Mounts, p.Safe, p.Limits, p.Agent.Hash})
	if err != nil {
		panic(err) // strings always marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Name is the proxy container's name.
func (p Proxy) Name() string { return p.Volume + "-" + p.Specification()[:12] }

// Ensure makes sure that the proxy container runs in the anchor's PID namespace
// and returns it. fresh tells that it was created by this call or one like it
// that did not come to its end.
func (p Proxy) Ensure(ctx context.Context, e Engine, anchor engine.Container) (c engine.Container, fresh bool, err error) {
	c, err = p.find(ctx, e, anchor)
	if err != nil || c.Running() {
		return c, false, err
	}
	fresh = c.State == "created"
	err = complete(ctx, e, c, p.Agent, p.files()...)
	if err != nil && p.Publish && ctx.Err() == nil {
		return p.restart(ctx, e, anchor, c, err)
	}
	if err != nil {
		return c, fresh, err
	}
	c, err = e.FindContainer(ctx, c.ID) // which port it has is known now
	return c, fresh, err
}

// find returns the container that there is, or a new one.
func (p Proxy) find(ctx context.Context, e Engine, anchor engine.Container) (engine.Container, error) {
	for {
		c, err := findOrCreate(ctx, e, p.specification(anchor))
		if err == nil {
			err = checkOurs(c, p.Volume, RoleProxy)
		}
		if err != nil || c.PidOf == anchor.ID {
			return c, err
		}
		// It belongs to an anchor that is gone, and all its processes with it.
		if err := e.RemoveContainer(ctx, c.ID); err != nil {
			return c, err
		}
	}
}

// restart starts a container whose start was refused once more. The engine may
// have chosen a port that was just taken. If it refuses again, the container is
// made anew without a port.
func (p Proxy) restart(ctx context.Context, e Engine, anchor, c engine.Container, refused error) (engine.Container, bool, error) {
	if now, err := e.FindContainer(ctx, anchor.ID); err != nil || !now.Running() {
		return c, false, refused // that is why
	}
	if complete(ctx, e, c, p.Agent, p.files()...) == nil {
		fresh := c.State == "created"
		c, err := e.FindContainer(ctx, c.ID)
		return c, fresh, err
	}
	if err := e.RemoveContainer(ctx, c.ID); err != nil {
		return c, false, err
	}
	p.Publish = false
	portless, fresh, err := p.Ensure(ctx, e, anchor)
	if err != nil && checkOurs(portless, p.Volume, RoleProxy) == nil {
		_ = e.RemoveContainer(ctx, portless.ID) // it was not for the port, and the next one is to have it
	}
	return portless, fresh, err
}

func (p Proxy) specification(anchor engine.Container) engine.Specification {
	l := labels(p.Volume, RoleProxy)
	l[LabelImage], l[LabelNix], l[LabelProject], l[LabelSpecification] = p.Identity, p.Nix, p.Project, p.Specification()
	mounts := append([]engine.Mount{{Volume: p.Volume, Target: "/nix"}}, p.Mounts...)
	s := engine.Specification{
		Name: p.Name(), Image: p.Image.ID, Platform: p.Platform,
		Entrypoint: append([]string{agentapi.Binary, agentapi.ModeServe, p.Identity, p.Specification()}, p.moved()...),
		Labels:     l, Mounts: mounts, PidOf: anchor.ID, Limits: p.Limits,
	}
	if p.Publish {
		s.Publish = agentapi.Port
	}
	return s
}

// moved returns the mounts with another path than on the host: the agent cannot
// know what a link in one of them is called there.
func (p Proxy) moved() (targets []string) {
	for _, m := range p.Mounts {
		if m.Bind != m.Target {
			targets = append(targets, m.Target)
		}
	}
	return targets
}

// files returns the git configuration that lets git work in the mounted project,
// which another user owns to the container's root. Nix's own libgit2 reads it too.
func (p Proxy) files() []agentbin.File {
	if len(p.Safe) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString("[safe]\n")
	for _, dir := range p.Safe {
		b.WriteString("\tdirectory = \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(dir) + "\"\n")
	}
	return []agentbin.File{{Path: "/etc/gitconfig", Content: b.String()}}
}
