// Package session is the protocol between nixproxy and the process of its
// containers, and the end of it that nixproxy holds. The other end is in package
// sessions, and the jobs done inside a container are in package jobs.
//
// The agent is an SSH server. A session of `run` is a channel of our own type
// on such a connection: the client writes a Request, framed by its length, and
// then the command's stdin; the agent answers with the request "started" or
// "refused", sends the command's stdout as the channel's data, and at last the
// request "exit". Stderr has a channel of its own, so that neither output waits
// for the other's reader; the agent opens it with the first byte.
//
// A standard SSH connection goes through a session too, as its stdin and stdout:
// so it is reached as `run` is, and what its commands have comes from the host.
//
// While the command runs the client may send "signal" and "window-change", as on
// an SSH session (RFC 4254, section 6), and "gone" (an output's reader is gone);
// the agent may send "stopped".
package session

import (
	"time"
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

// Banner is how the agent of a container with this specification introduces
// itself. All agents on a volume have one host key, and after a restart a port
// may be another container's.
func Banner(specification string) string { return "SSH-2.0-nixproxy_" + specification }

// Idle is the idle time until a session has said another.
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

// Status is the exit status by which a reason is told, as engines do it.
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
}

func (r *Refused) Error() string { return r.Message }

// An Exit is how a command ended: with a status, or by a signal (Linux's number).
type Exit struct {
	Status      uint32
	Signal      uint32
	OutOfMemory bool // the kernel killed a process of the container meanwhile
}

// An ending is what the agent says of it, after all output.
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
