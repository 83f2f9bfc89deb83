package volume

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// GC drops roots as the plan says and collects the garbage. see returns the state of
// a link of this host for which the volume keeps something.
func (h Handle) GC(ctx context.Context, plan agentapi.GCPlan, see func(link string) agentapi.LinkState, begin func() Progress) (agentapi.GCResult, error) {
	g := &gc{plan: plan, see: see, progress: begin()}
	err := g.inThrowaway(ctx, h)
	if engine.IsFullDisk(err) {
		err = g.inProxy(ctx, h, err)
	}
	g.progress.End(err)
	if err != nil {
		return g.result, fmt.Errorf("collecting garbage in volume %s: %w", h.Name, err)
	}
	return g.result, nil
}

// A gc is one collection, as the host takes part in it.
type gc struct {
	plan     agentapi.GCPlan
	see      func(link string) agentapi.LinkState
	progress Progress
	result   agentapi.GCResult
}

// mode is the agent's, with its argument.
func (g *gc) mode() []string {
	plan, _ := json.Marshal(g.plan) // which nothing in it can make fail
	return []string{agentapi.ModeGC, string(plan)}
}

// inThrowaway collects in the throwaway container.
func (g *gc) inThrowaway(ctx context.Context, h Handle) error {
	in, answers := io.Pipe()
	defer in.Close() // ends an answer that nobody takes
	return h.RunNext(ctx, container.Job{Mode: g.mode(), InPlace: true, In: in, Out: func(r io.Reader) error {
		defer answers.Close()
		return g.converse(r, answers)
	}})
}

// inProxy collects in a proxy container that runs. A new container takes space,
// which is just what is missing; two collections at once do no harm.
func (g *gc) inProxy(ctx context.Context, h Handle, full error) error {
	proxies, err := h.Engine.Containers(ctx, container.LabelVolume+"="+h.Name, container.LabelRole+"="+string(container.RoleProxy))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(proxies, engine.Container.Running)
	if i < 0 {
		return full
	}
	g.plan.UntilEOF = true
	stream, err := h.Engine.Exec(ctx, proxies[i].ID, append([]string{agentapi.Binary}, g.mode()...)...)
	if err != nil {
		return err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	err = g.converse(stream, stream)
	if failure := stream.Failure(); err != nil && failure != nil {
		return failure
	}
	return err
}

// converse follows the job and answers its questions.
func (g *gc) converse(from io.Reader, to io.Writer) error {
	return agentapi.Converse(from, g.progress.Set, &g.result, func(question json.RawMessage) error { return g.answer(question, to) })
}

// answer writes the states of the links in a question.
func (g *gc) answer(question json.RawMessage, to io.Writer) error {
	var links []string
	if err := json.Unmarshal(question, &links); err != nil {
		return err
	}
	states := map[string]agentapi.LinkState{}
	for _, link := range links {
		states[link] = g.see(link)
	}
	return json.NewEncoder(to).Encode(states)
}
