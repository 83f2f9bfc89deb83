package server

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session"
)

// standardClient connects as a client that is not nixproxy's.
func (s served) standardClient(t *testing.T) *ssh.Client {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	c, channels, requests, err := ssh.NewClientConn(conn, "agent", &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.key)}, HostKeyCallback: ssh.FixedHostKey(s.hostKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(c, channels, requests)
	t.Cleanup(func() { client.Close() })
	return client
}

func standardSession(t *testing.T, client *ssh.Client) *ssh.Session {
	t.Helper()
	session, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

func TestStandardSessionsTellHowTheirCommandEnded(t *testing.T) {
	client := serve(t).standardClient(t)
	for script, want := range map[string]struct {
		status int
		signal string
		says   string
	}{
		"exit 0":                             {},
		"exit 7":                             {status: 7},
		"kill -TERM $$":                      {signal: "TERM"},
		"kill -KILL $$":                      {signal: "KILL"},
		"no-such-command":                    {status: 127, says: "not found"},
		"echo why >&2":                       {says: "why\n"},
		"exec >&-; sleep 0.3; echo late >&2": {says: "late\n"}, // stdout's end is not stderr's
		"[ \"$0\" = bash ]":                  {},
		"umask; [ -t 0 ]":                    {status: 1},
		"exec no-such-thing":                 {status: 127, says: "not found"},
	} {
		session := standardSession(t, client)
		var complaint strings.Builder
		session.Stderr = &complaint
		err := session.Run(script)
		var exit *ssh.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Errorf("%s: %v", script, err)
			continue
		}
		if exit == nil {
			exit = &ssh.ExitError{}
		}
		status := exit.ExitStatus()
		if want.signal != "" {
			status = 0 // package ssh makes one up
		}
		if status != want.status || exit.Signal() != want.signal || !strings.Contains(complaint.String(), want.says) {
			t.Errorf("%s: %d, %q, %q, want %+v", script, exit.ExitStatus(), exit.Signal(), &complaint, want)
		}
	}
}

func TestStandardSessionsHaveWhatTheyRequest(t *testing.T) {
	s := serve(t)
	client := s.standardClient(t)
	session := standardSession(t, client)
	for name, allowed := range map[string]bool{"LANG": true, "_x1": true, "": false, "A=B": false, "1": false, "A B": false} {
		if err := session.Setenv(name, "it's a value"); (err == nil) != allowed {
			t.Errorf("variable %q: %v", name, err)
		}
	}
	if err := session.Setenv("NUL", "a\x00b"); err == nil {
		t.Error("a value with a null byte was taken")
	}
	out, err := session.Output(`echo "$LANG$_x1"; pwd; echo "$HOME"; umask; echo "$NIX_CONFIG"; echo "$PATH"`)
	lines := strings.Split(string(out), "\n")
	if err != nil || len(lines) < 6 {
		t.Fatalf("%q, %v", out, err)
	}
	if lines[0] != "it's a valueit's a value" || lines[1] != s.Volume.Home() || lines[2] != s.Volume.Home() || lines[3] != "0022" {
		t.Errorf("got %q", lines)
	}
	if !strings.Contains(string(out), "sync-before-registering") || !strings.Contains(string(out), "/nix/store/none-nix/bin:") {
		t.Errorf("the environment is not that of a session: %q", out)
	}
}

func TestStandardSessionsHaveATerminal(t *testing.T) {
	session := standardSession(t, serve(t).standardClient(t))
	if err := session.RequestPty("xterm-256color", 33, 101, ssh.TerminalModes{ssh.ECHO: 0, ssh.VINTR: 7}); err != nil {
		t.Fatal(err)
	}
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start(`echo $TERM; stty size; stty -a; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.02; done`); err != nil {
		t.Fatal(err)
	}
	output := ""
	until := func(what string) {
		buffer := make([]byte, 4096)
		for !strings.Contains(output, what) {
			n, err := out.Read(buffer)
			if output += string(buffer[:n]); err != nil {
				t.Fatalf("%v after %q", err, output)
			}
		}
	}
	until("ready")
	for _, want := range []string{"xterm-256color\r\n", "33 101\r\n", "intr = ^G", " -echo "} {
		if !strings.Contains(output, want) {
			t.Errorf("%q is not in %q", want, output)
		}
	}
	if err := session.WindowChange(40, 120); err != nil {
		t.Fatal(err)
	}
	until("40 120\r\n")
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 3 {
		t.Errorf("got %v", err)
	}
}

func TestStandardSessionsPassSignals(t *testing.T) {
	session := standardSession(t, serve(t).standardClient(t))
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("trap 'exit 9' USR1; echo ready; while :; do sleep 0.1; done"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if err := session.Signal(ssh.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	var exit *ssh.ExitError
	if err := session.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 9 {
		t.Errorf("got %v", err)
	}
}

// The end of a channel ends its command, whatever else runs on the connection: ssh clients
// share connections.
func TestStandardSessionsEndWithTheirChannel(t *testing.T) {
	session := standardSession(t, serve(t).standardClient(t))
	fifo := filepath.Join(t.TempDir(), "alive")
	out, err := session.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Start("mkfifo " + fifo + "; echo ready; setsid sleep 1000 >" + fifo); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	alive, err := os.Open(fifo)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Close()
	session.Close()
	if _, err := alive.Read(make([]byte, 1)); err != io.EOF { // when no process has it open any more
		t.Errorf("got %v", err)
	}
}

func TestStandardSessionsServeFiles(t *testing.T) {
	s := serve(t)
	raw := s.standardClient(t)
	if err := standardSession(t, raw).RequestSubsystem("no-such"); err == nil {
		t.Error("an unknown subsystem was started")
	}
	client, err := sftp.NewClient(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f, err := client.Create("file") // relative to where a command would start
	if err != nil {
		t.Fatal(err)
	}
	content := strings.Repeat("content", 100_000)
	if _, err := f.ReadFrom(strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if there, err := os.ReadFile(filepath.Join(s.Volume.Home(), "file")); err != nil || string(there) != content {
		t.Errorf("%d bytes arrived, %v", len(there), err)
	}
}

// Commands on a relayed connection get what the relaying session requested.
func TestRelayedConnection(t *testing.T) {
	s := serve(t)
	dir := t.TempDir()
	relay, err := s.connect(t).Start(session.Request{SSH: true, Dir: dir, Env: []string{"FROM=host"}, Nix: "a = b", Umask: 0o027})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") // a net.Pipe has no buffer
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ours, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := relay.Wait(session.Streams{In: theirs, Out: theirs, Err: io.Discard})
		theirs.Close()
		ended <- err
	}()
	c, channels, requests, err := ssh.NewClientConn(ours, "agent", &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.key)}, HostKeyCallback: ssh.FixedHostKey(s.hostKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := ssh.NewClient(c, channels, requests)
	for range 2 {
		out, err := standardSession(t, client).Output(`pwd; echo $FROM; umask; echo "$NIX_CONFIG" | grep -c "^a = b"`)
		if want := dir + "\nhost\n0027\n1\n"; err != nil || string(out) != want {
			t.Errorf("got %q, %v, want %q", out, err, want)
		}
	}
	client.Close()
	if err := <-ended; err != nil {
		t.Errorf("the relay ended: %v", err)
	}

	var refused *session.Refused
	if _, err := s.connect(t).Start(session.Request{SSH: true, Dir: dir + "/none"}); !errors.As(err, &refused) || refused.Reason != session.NoDirectory {
		t.Errorf("without its directory: %v", err)
	}
}

func TestTerminalModes(t *testing.T) {
	for encoded, want := range map[string]int{
		"":                                     0,
		"\x00":                                 0,
		"\x01\x00\x00\x00\x03":                 1,
		"\x01\x00\x00\x00\x03\x35\x00\x00\x00": 1, // cut off
		"\x01\x00\x00\x00\x03\xa0\x00\x00\x00\x01\x02\x00\x00\x00\x01": 1, // of a form not known
	} {
		if modes := terminalModes(encoded); len(modes) != want || want == 1 && modes[ssh.VINTR] != 3 {
			t.Errorf("%q: %v", encoded, modes)
		}
	}
}
