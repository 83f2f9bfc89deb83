package volume

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/container"
	"github.com/nixproxy/nixproxy/internal/engine"
)

// GC drops the roots that the plan says and collects the garbage. see is
// asked for links of this host that the volume keeps something for.
func (h Handle) GC(ctx context.Context, plan agentapi.GCPlan, see func(link string) agentapi.LinkState, begin func() Progress) (agentapi.GCResult, error) {
	var collected agentapi.GCResult
	progress := begin()
	converse := func(r io.Reader, w io.Writer) error {
		return agentapi.Converse(r, progress.Set, &collected, func(question json.RawMessage) error { return lookAt(question, see, w) })
	}
	err := h.gc(ctx, plan, converse)
	if engine.IsFullDisk(err) {
		err = h.gcInProxy(ctx, plan, converse, err)
	}
	progress.End(err)
	if err != nil {
		return collected, fmt.Errorf("collecting garbage in volume %s: %w", h.Name, err)
	}
	return collected, nil
}

func gcMode(plan agentapi.GCPlan) []string {
	text, _ := json.Marshal(plan) // which nothing in it can make fail
	return []string{agentapi.ModeGC, string(text)}
}

func (h Handle) gc(ctx context.Context, plan agentapi.GCPlan, converse func(io.Reader, io.Writer) error) error {
	in, answers := io.Pipe()
	defer in.Close() // ends an answer that nobody takes
	return h.RunNext(ctx, container.Job{
		Mode: gcMode(plan), InPlace: true, In: in,
		Out: func(r io.Reader) error {
			defer answers.Close()
			return converse(r, answers)
		},
	})
}

// gcInProxy collects in a proxy container that runs. A new container takes
// space, which is just what is missing; two collections at once do no harm.
func (h Handle) gcInProxy(ctx context.Context, plan agentapi.GCPlan, converse func(io.Reader, io.Writer) error, full error) error {
	proxies, err := h.Engine.Containers(ctx, container.LabelVolume+"="+h.Name, container.LabelRole+"="+string(container.RoleProxy))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(proxies, engine.Container.Running)
	if i < 0 {
		return full
	}
	plan.Heard = true
	stream, err := h.Engine.Exec(ctx, proxies[i].ID, append([]string{agentapi.Binary}, gcMode(plan)...)...)
	if err != nil {
		return err
	}
	defer stream.Close()
	defer context.AfterFunc(ctx, func() { stream.Close() })()
	err = converse(stream, stream)
	if said := stream.Stderr(); err != nil && said != "" {
		return errors.New(said)
	}
	return err
}

// lookAt answers a collection that asks for the states of links.
func lookAt(question json.RawMessage, see func(string) agentapi.LinkState, to io.Writer) error {
	var links []string
	if err := json.Unmarshal(question, &links); err != nil {
		return err
	}
	states := map[string]agentapi.LinkState{}
	for _, link := range links {
		states[link] = see(link)
	}
	return json.NewEncoder(to).Encode(states)
}
