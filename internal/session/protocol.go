// Package session is the protocol between nixproxy and the agent of a proxy
// container, both ends of it. Package internal/agent/server runs the commands.
//
// The agent is an SSH server. A session of `run` is a channel of our own type
// on such a connection: the client writes a Request, framed by its length, and
// then the command's stdin; the agent answers with the request "started" or
// "refused", sends the command's stdout as the channel's data, and at last the
// request "exit". Stderr has a channel of its own, so that neither output waits
// for the other's reader; the agent opens it with the first byte.
//
// A standard SSH connection goes through a session too, as its stdin and stdout: so
// it takes the way of `run`, and its commands get the host's configuration.
//
// While the command runs the client may send "signal" and "window-change", as on
// an SSH session (RFC 4254, section 6), and "gone" (an output's reader is gone);
// the agent may send "stopped".
package session

import (
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// SessionChannel is the type of a session's channel.
const SessionChannel = "session@nixproxy.dev"

const (
	stderrChannel    = "stderr@nixproxy.dev"
	startedRequest   = "started"
	refusedRequest   = "refused"
	exitRequest      = "exit"
	signalRequest    = "signal"
	sizeRequest      = "window-change"
	goneRequest      = "gone"
	stoppedRequest   = "stopped"
	keepAliveRequest = "keepalive@nixproxy.dev"
)

// Banner returns the SSH version string of the agent of a container with this
// specification. It tells containers apart: all agents on a volume have one host
// key, and after a restart a port may be another container's.
func Banner(specification string) string { return "SSH-2.0-nixproxy_" + specification }

// Idle is the idle time of an agent until a session has requested another.
const Idle = 10 * time.Minute

// A Reason tells why a command was not started.
type Reason uint32

const (
	Failed        Reason = iota // the agent could not do its part
	Unstamped                   // the image's store is not in the volume
	NotFound                    // no such command
	NotExecutable               // found, but the kernel would not execute it
	NoDirectory                 // the directory to start in is not there
)

// Status returns the exit status for a reason, the same as engines use.
func (r Reason) Status() int {
	switch r {
	case NotFound:
		return 127
	case NotExecutable:
		return 126
	}
	return 125
}

// Refused is the error of a session whose command was not started.
type Refused struct {
	Reason  Reason
	Message string
	Hint    string // what to do about it; may be empty
}

func (r *Refused) Error() string { return r.Message }

// As lets package hint find the hint.
func (r *Refused) As(target any) bool {
	found, ok := target.(**hint.Error)
	if !ok || r.Hint == "" {
		return false
	}
	*found = &hint.Error{Err: r, Hint: r.Hint}
	return true
}

// Refuse returns the refusal of a command for an error, with the error's hint.
func Refuse(reason Reason, err error) *Refused {
	return &Refused{Reason: reason, Message: err.Error(), Hint: hint.Of(err)}
}

// A refusal is a Refused as it is sent. An agent of an earlier nixproxy sends no hint.
type refusal struct {
	Reason  uint32
	Message string
	Hint    []byte `ssh:"rest"`
}

// An Exit is how a command ended: with a status, or by a signal (Linux's number).
type Exit struct {
	Status      uint32
	Signal      uint32
	OutOfMemory bool // the kernel killed a process of the container meanwhile
}

// An ending is an Exit as the agent sends it, after all output.
type ending struct {
	Status      uint32
	Signal      uint32
	OutOfMemory bool
	Stderr      bool   // there was something on stderr's own channel
	Taken       uint64 // bytes of stdin that the command read
}

func (e ending) exit() Exit {
	return Exit{Status: e.Status, Signal: e.Signal, OutOfMemory: e.OutOfMemory}
}
