//go:build linux && acceptance

package test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// Whatever signal ends nixproxy, at whatever moment, while its command reads and
// writes all that it can: no process is left inside, and the terminal is as it
// was. SIGKILL alone leaves nobody who could restore that.
func TestKillsUnderLoad(t *testing.T) {
	t.Parallel()
	p, random := suite.NewProject(t, suite.Engine, "load"), harness.NewRandom(t)
	fixture.BuildSetsid(t, p.Dir)
	const atOnce = 4
	for range harness.Longer(20) / atOnce {
		var all sync.WaitGroup
		for range atOnce {
			v := newVictim(random)
			all.Go(func() {
				if err := v.run(p); err != nil {
					t.Errorf("%+v: %v", v, err)
				}
			})
		}
		all.Wait()
		p.ExpectNothingLeft(t)
	}
	p.ExpectOneSupervisor(t)
	if got := p.Start(t, "nixproxy", "run", "--", "echo", "here").End(t); got.Status != 0 || got.Stdout != "here" || got.Stderr != "" {
		t.Errorf("afterwards: %v", got)
	}
}

// A victim is a nixproxy that is to be killed.
type victim struct {
	Transport string
	Terminal  bool
	Signal    syscall.Signal
	After     time.Duration
}

func newVictim(random *rand.Rand) victim {
	signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGKILL}
	return victim{
		Transport: fixture.Transports[random.IntN(len(fixture.Transports))], Terminal: random.IntN(2) == 0,
		Signal: signals[random.IntN(len(signals))], After: time.Duration(random.Int64N(int64(600 * time.Millisecond))),
	}
}

func (v victim) run(p *fixture.Project) error {
	script := `cat | tr x y | tee /dev/fd/2`
	if v.Signal == syscall.SIGKILL { // others do not reach these, as they would not at home
		script = `./setsid sleep 300 & (trap "" HUP; yes >/dev/null) & ` + script
	}
	c := p.Over(v.Transport).Command("nixproxy", "run", "--", "sh", "-c", script)
	if v.Terminal {
		return v.onTerminal(c)
	}
	return v.onPipes(c)
}

func (v victim) onPipes(c *exec.Cmd) error {
	c.Stdout, c.Stderr = io.MultiWriter(), io.MultiWriter() // not null devices
	stdin, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	go flood(stdin)
	return v.kill(c)
}

func (v victim) onTerminal(c *exec.Cmd) error {
	ours, theirs, err := pty.Open()
	if err != nil {
		return err
	}
	defer theirs.Close()
	defer ours.Close()
	before, err := modes(theirs)
	if err != nil {
		return err
	}
	c.Stdin, c.Stdout, c.Stderr = theirs, theirs, theirs
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		return err
	}
	go flood(ours)
	go io.Copy(io.Discard, ours)
	if err := v.kill(c); err != nil || v.Signal == syscall.SIGKILL {
		return err
	}
	if after, err := modes(theirs); err != nil || after != before {
		return fmt.Errorf("the terminal's modes are %+v, and were %+v: %w", after, before, err)
	}
	return nil
}

// modes are a terminal's, as stty would print them.
func modes(terminal *os.File) (unix.Termios, error) {
	m, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		return unix.Termios{}, err
	}
	return *m, nil
}

// flood writes lines until nobody takes them.
func flood(to io.Writer) {
	lines := bytes.Repeat([]byte("xxxxxxx\n"), 4096)
	for _, err := to.Write(lines); err == nil; _, err = to.Write(lines) {
	}
}

// kill sends the signal when it is time, and waits for the end. The signal may
// come before or after nixproxy's own way of ending, so any status will do.
func (v victim) kill(c *exec.Cmd) error {
	time.Sleep(v.After)
	if err := c.Process.Signal(v.Signal); err != nil {
		return err // it has ended by itself
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	for range 3 { // it may come before Go's runtime listens, which is deaf to some, or before the shell has children
		select {
		case <-ended:
			return nil
		case <-time.After(harness.Limit / 6):
			_ = c.Process.Signal(v.Signal)
		}
	}
	select {
	case <-ended:
		return nil
	case <-time.After(harness.Limit):
	}
	_ = c.Process.Kill()
	<-ended
	return fmt.Errorf("the signal does not end it: %v", c.ProcessState)
}
