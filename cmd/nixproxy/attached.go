package main

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/console"
	"github.com/nixproxy/nixproxy/internal/session"
)

// An attached is the caller of a command: its terminal and its signals.
type attached struct {
	console  *console.Console
	resized  <-chan os.Signal
	terminal bool // the command has one
	signals  *signals
	running  *session.Command
	told     bool             // SIGINT came, as it does to every process of a terminal's job
	later    <-chan time.Time // when to try for raw mode again
}

// caller examines the caller's streams, and returns the terminal that a command gets: one
// like the caller's, or none (nil).
func (a *app) caller(streams session.Streams) (*attached, *session.Terminal) {
	c := console.New(a.in, a.out, a.err)
	caller := &attached{console: c, resized: c.Resized(), signals: a.signals} // resized from before the size is taken
	if a.settings.NoTTY || !a.settings.TTY && !(c.In() && c.Out()) {
		return caller, nil
	}
	caller.terminal = true
	return caller, &session.Terminal{Size: session.Size(c.Size()), Modes: c.Modes(), StderrApart: c.ErrApart() && !streams.OneFile()}
}

// attend connects a command that was started with its caller until it ends.
func (a *attached) attend(running *session.Command, streams session.Streams) (session.Exit, error) {
	defer a.console.Restore()
	a.running = running
	if a.console.In() {
		streams.In = typed{a}
	}
	came, ended, followed := a.signals.take(), make(chan struct{}), make(chan struct{})
	a.raw()
	go func() {
		defer close(followed)
		a.follow(came, ended)
	}()
	exit, err := running.Wait(streams)
	close(ended)
	running.Close() // what is still being said to the command waits no longer
	<-followed
	return exit, err
}

func (a *attached) follow(came <-chan os.Signal, ended <-chan struct{}) {
	defer a.console.Restore()
	for {
		select {
		case <-ended:
			return
		case s := <-came:
			a.hear(s.(unix.Signal))
		case <-a.resized:
			a.resize()
		case <-a.running.Stopped():
			a.stop()
		case <-a.later:
			a.raw()
		}
	}
}

// hear passes a signal on to the command. An error in doing so means that the connection
// has ended, which Wait returns.
func (a *attached) hear(s unix.Signal) {
	switch {
	case s == unix.SIGHUP && a.console.Gone():
		a.signals.hangUp()
	case s == unix.SIGCONT:
		a.resume()
	case s == unix.SIGTSTP && !console.CanStop():
		// The kernel ignores it there too: no process could continue this one.
	case slices.Contains(fatal, s):
		a.console.Restore()
		signal.Reset(s)
		_ = unix.Kill(unix.Getpid(), s)
	default:
		a.told = a.told || s == unix.SIGINT
		_ = a.running.Signal(nameOf(s))
	}
}

// interrupt ends this process by SIGINT if Ctrl-C at the caller's terminal ended the
// command: a shell ends its loop or script only if it sees that SIGINT ended the process.
// In all other cases, and where SIGINT is ignored, it returns.
func (a *attached) interrupt(exit session.Exit) {
	if exit.Signal == uint32(unix.SIGINT) && a.console.Controlling() && a.console.Foreground() {
		console.Interrupt(a.terminal && !a.told)
	}
}

func (a *attached) resize() {
	if a.terminal {
		_ = a.running.Resize(session.Size(a.console.Size()))
	}
}

// foregroundAgain is how often a job in the background checks whether it has come to the
// foreground: no signal says so.
const foregroundAgain = 100 * time.Millisecond

// raw sets raw mode, as soon as this process is in the foreground.
func (a *attached) raw() {
	a.later = nil
	switch {
	case !a.terminal:
	case a.console.Raw():
		a.resize() // it may have another size by now
	default:
		a.later = time.After(foregroundAgain)
	}
}

// stop stops this process after the command was stopped, so that the shell that started
// it continues.
func (a *attached) stop() {
	switch can := console.CanStop(); {
	case a.terminal && !(can && a.console.Controlling()):
		_ = a.running.Signal("CONT") // Ctrl-Z is a byte, so that the kernel here had no say
		return
	case !can:
		return
	}
	a.later = nil
	a.console.Restore()
	a.running.Suspend()
	signal.Ignore(unix.SIGTSTP) // which is for the rest of the job
	console.Stop(a.terminal)
	signal.Notify(a.signals.came, unix.SIGTSTP)
}

// resume continues the command after a stop.
func (a *attached) resume() {
	a.raw()
	_ = a.running.Signal("CONT")
}

// typed is the terminal as the command's stdin. If it ends without an end-of-file key,
// the terminal has hung up, and nixproxy ends too, even if no signal says so.
type typed struct{ *attached }

func (t typed) Read(p []byte) (int, error) {
	n, err := t.console.Read(p)
	if t.terminal && errors.Is(err, console.ErrHungUp) {
		t.signals.hangUp()
		err = io.EOF
	}
	return n, err
}
