package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
)

// standardChannel is the type of standard SSH sessions (RFC 4254, section 6): those of
// ssh, scp, sftp, and of a Nix that connects to another.
const standardChannel = "session"

// A standard is a standard SSH session: its channel, and the request that its client
// builds up.
type standard struct {
	ssh.Channel
	request session.Request
}

// serveStandard serves one session. Its command starts as a command of `run` does.
func (a Agent) serveStandard(ctx context.Context, conn ssh.Conn, offered ssh.NewChannel, template session.Request) {
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	s := &standard{Channel: channel, request: template}
	s.request.Env = slices.Clone(template.Env)
	for request := range requests {
		start := a.starter(s, request)
		done := start != nil || s.apply(request)
		if request.WantReply {
			_ = request.Reply(done, nil)
		}
		if start != nil {
			start(ctx, conn, requests)
			return
		}
	}
}

// starter returns what a request starts, or nil if it starts nothing.
func (a Agent) starter(s *standard, request *ssh.Request) func(context.Context, ssh.Conn, <-chan *ssh.Request) {
	var what struct{ Text string }
	if request.Type != "shell" && ssh.Unmarshal(request.Payload, &what) != nil {
		return nil
	}
	argv := func(args ...string) func(context.Context, ssh.Conn, <-chan *ssh.Request) {
		return func(ctx context.Context, conn ssh.Conn, requests <-chan *ssh.Request) {
			s.request.Argv = append([]string{a.shell(s.request)}, args...)
			a.serveCommand(ctx, conn, s, s.request, requests)
		}
	}
	switch {
	case request.Type == "shell":
		return argv("-l")
	case request.Type == "exec":
		return argv("-c", what.Text)
	case request.Type == "subsystem" && what.Text == "sftp":
		return func(_ context.Context, _ ssh.Conn, requests <-chan *ssh.Request) {
			go ssh.DiscardRequests(requests)
			a.serveSFTP(s)
		}
	}
	return nil
}

// shell returns the image's shell: bash, or sh if it has no bash.
func (a Agent) shell(request session.Request) string {
	request.Argv, request.Secrets = []string{"bash"}, session.Secrets{}
	if _, refused := a.prepare(request, nil); refused != nil && refused.Reason == session.NotFound {
		return "sh"
	}
	return "bash"
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// apply adds what a request says about a later command. It returns false if the request
// is refused.
func (s *standard) apply(request *ssh.Request) bool {
	switch request.Type {
	case "env":
		var v struct{ Name, Value string }
		if ssh.Unmarshal(request.Payload, &v) != nil || !variableName.MatchString(v.Name) || strings.ContainsRune(v.Value, 0) {
			return false
		}
		s.request.Env = append(s.request.Env, v.Name+"="+v.Value)
	case "pty-req":
		var t struct {
			Term                         string
			Columns, Rows, Width, Height uint32
			Modes                        string
		}
		if ssh.Unmarshal(request.Payload, &t) != nil {
			return false
		}
		s.request.Terminal = &session.Terminal{Size: session.Size{Columns: t.Columns, Rows: t.Rows, Width: t.Width, Height: t.Height}, Modes: terminalModes(t.Modes)}
		s.request.Env = append(s.request.Env, "TERM="+t.Term)
	case "auth-agent-req@openssh.com":
		s.request.SSHAgent = true
	default:
		return false
	}
	return true
}

// terminalModes reads modes in the form of RFC 4254, section 8: up to the end, or up to
// an opcode whose form is not known.
func terminalModes(encoded string) ssh.TerminalModes {
	const end, lastKnown = 0, 159
	modes := ssh.TerminalModes{}
	for len(encoded) >= 5 && encoded[0] != end && encoded[0] <= lastKnown {
		modes[encoded[0]] = binary.BigEndian.Uint32([]byte(encoded[1:5]))
		encoded = encoded[5:]
	}
	return modes
}

// Stderr returns where the command's stderr is written.
func (s *standard) Stderr() io.Writer { return s.Channel.Stderr() }

// CloseWrite does nothing: the end of a standard channel's data ends stderr too, so the
// end of stdout has to wait for it.
func (s *standard) CloseWrite() error { return nil }

// A standard client is not told that its command was started or stopped.

func (s *standard) Started() error { return nil }
func (s *standard) Stopped()       {}

// Refuse writes to stderr why no command was started, as a shell does.
func (s *standard) Refuse(r *session.Refused) {
	fmt.Fprintf(s.Stderr(), "nixproxy: %s\r\n", r.Message)
	if r.Hint != "" {
		fmt.Fprintf(s.Stderr(), "nixproxy: hint: %s\r\n", r.Hint)
	}
	s.Exit(session.Exit{Status: uint32(r.Reason.Status())}, 0)
}

// Exit tells the client how the command ended: its status, or the name of a signal.
func (s *standard) Exit(e session.Exit, _ uint64) {
	_ = s.Channel.CloseWrite()
	if e.Signal == 0 {
		_, _ = s.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{e.Status}))
	} else {
		_, _ = s.SendRequest("exit-signal", false, ssh.Marshal(struct {
			Name           string
			Dumped         bool
			Text, Language string
		}{Name: strings.TrimPrefix(unix.SignalName(unix.Signal(e.Signal)), "SIG")}))
	}
	s.Close()
}
