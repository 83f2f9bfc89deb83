//go:build linux && acceptance

package script

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
)

// container rm|kill|stop|restart ROLE: what a user might do to one of our containers by
// hand. container await N ROLE: so many run, sooner or later; container gone ROLE:
// there is none any more. container N ROLE: there are so many of the role,
// container N running ROLE. container published ROLE: prints where its ports can
// be reached.
func (s *Script) container(args []string) error {
	switch args[0] {
	case "await":
		return s.awaitRole(args[2], args[1]+" of role "+args[2]+" run", func(found []container.Summary) bool { return strconv.Itoa(running(found)) == args[1] })
	case "gone":
		return s.awaitRole(args[1], "all of role "+args[1]+" are gone", func(found []container.Summary) bool { return len(found) == 0 })
	}
	found, err := s.engine.InRole(s.Getenv("NIXPROXY_VOLUME"), args[len(args)-1])
	if err != nil {
		return err
	}
	if want, err := strconv.Atoi(args[0]); err == nil {
		n := len(found)
		if args[1] == "running" {
			n = running(found)
		}
		if n != want {
			return fmt.Errorf("%d containers, not %d", n, want)
		}
		return nil
	}
	if len(found) == 0 {
		return errors.New("there is none")
	}
	if args[0] == "published" {
		s.published(found)
		return nil
	}
	return s.byHand(args[0], found)
}

func (s *Script) published(containers []container.Summary) {
	for _, c := range containers {
		for _, p := range c.Ports {
			fmt.Fprintf(s.Stdout(), "%s:%d\n", p.IP, p.PublicPort)
		}
	}
}

func running(containers []container.Summary) int {
	n := 0
	for _, c := range containers {
		if c.State == "running" {
			n++
		}
	}
	return n
}

// patience is how long a script waits for what comes by itself. Some of that is done
// at the lowest priority, on processors that other tests keep busy.
const patience = 5 * time.Minute

func (s *Script) awaitRole(role, what string, is func([]container.Summary) bool) error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		found, err := s.engine.InRole(s.Getenv("NIXPROXY_VOLUME"), role)
		if err != nil || is(found) {
			return err
		}
	}
	return fmt.Errorf("%s: not so after %v", what, patience)
}

func (s *Script) byHand(verb string, containers []container.Summary) error {
	ctx, second := context.Background(), 1
	for _, c := range containers {
		var err error
		switch verb {
		case "rm":
			err = s.engine.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true})
		case "kill":
			err = s.engine.ContainerKill(ctx, c.ID, "KILL")
		case "restart":
			err = s.engine.ContainerRestart(ctx, c.ID, container.StopOptions{Timeout: &second})
		case "stop":
			err = s.engine.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &second})
		default:
			err = fmt.Errorf("container has no %s", verb)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
