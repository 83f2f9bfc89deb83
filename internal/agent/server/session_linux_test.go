package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

func TestSessionTellsHowItsCommandEnded(t *testing.T) {
	client := serve(t).connect(t)
	for script, want := range map[string]session.Exit{
		"exit 0":                  {},
		"exit 7":                  {Status: 7},
		"exit 255":                {Status: 255},
		"kill -TERM $$":           {Signal: 15},
		"kill -KILL $$":           {Signal: 9},
		"kill -PIPE $$":           {Signal: 13},
		"sh -c 'kill -HUP $$'; :": {}, // a child's end is not the command's
	} {
		if _, _, exit := outputOf(t, client, nil, "sh", "-c", script); exit != want {
			t.Errorf("%s: got %+v, want %+v", script, exit, want)
		}
	}
}

func TestSessionRefuses(t *testing.T) {
	dir := t.TempDir()
	script := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := []struct {
		name    string
		request session.Request
		reason  session.Reason
		says    string
	}{
		{"nothing", session.Request{}, session.NotFound, "no command was given"},
		{"a directory that is not there", session.Request{Argv: []string{"true"}, Dir: dir + "/none"}, session.NoDirectory, dir + "/none"},
		{"a file as directory", session.Request{Argv: []string{"true"}, Dir: script("plain", "", 0o644)}, session.NoDirectory, ""},
		{"an unknown command", session.Request{Argv: []string{"no-such-command"}}, session.NotFound, "no-such-command: command not found"},
		{"an unknown path", session.Request{Argv: []string{dir + "/none"}}, session.NotFound, "no such file"},
		{"what may not be executed", session.Request{Argv: []string{script("x", "#!/bin/sh\n", 0o644)}}, session.NotExecutable, "permission denied"},
		{"a directory", session.Request{Argv: []string{dir}}, session.NotExecutable, "is a directory"},
		{"a script of a missing interpreter", session.Request{Argv: []string{script("i", "#!/no/such\n", 0o755)}}, session.NotExecutable, "no such file"},
		{"what is no program", session.Request{Argv: []string{script("t", "text\n", 0o755)}}, session.NotExecutable, "exec format error"},
		{"an argument over the kernel's limit", session.Request{Argv: []string{"true", strings.Repeat("x", 1<<20)}}, session.NotExecutable, "argument list too long"},
		{"a null byte", session.Request{Argv: []string{"true", "a\x00b"}}, session.NotExecutable, "invalid argument"},
	}
	// The scripts must be written before: a process that is started meanwhile has them open
	// until it executes its program, and a file open for writing cannot be executed.
	client := serve(t).connect(t)
	for _, test := range tests {
		_, err := client.Start(test.request)
		var refused *session.Refused
		if !errors.As(err, &refused) {
			t.Errorf("%s: got %v, want a refusal", test.name, err)
			continue
		}
		if refused.Reason != test.reason || !strings.Contains(refused.Message, test.says) {
			t.Errorf("%s: got %d %q, want %d and %q", test.name, refused.Reason, refused.Message, test.reason, test.says)
		}
	}
	if out, _, _ := outputOf(t, client, nil, "echo", "still here"); out != "still here\n" {
		t.Errorf("after the refusals the connection gives %q", out)
	}
}

func TestSessionNeedsItsImagesStamp(t *testing.T) {
	a := newAgent(t)
	damaged := strings.Repeat("d", 12)
	if err := os.WriteFile(a.Volume.Own("images", damaged+".json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string]session.Refused{
		strings.Repeat("f", 12): {Reason: session.Unstamped},
		damaged:                 {Reason: session.Unstamped, Message: "damaged"},
		"../layout":             {Reason: session.Failed, Message: "not an image identity"},
	} {
		a.Image = image
		_, refused := a.prepare(session.Request{Argv: []string{"true"}}, a.newPrivate())
		if refused == nil || refused.Reason != want.Reason || !strings.Contains(refused.Message, want.Message) {
			t.Errorf("image %s: got %+v, want %+v", image, refused, want)
		}
	}
}

func TestSessionCarriesLargeStreams(t *testing.T) {
	client := serve(t).connect(t)
	content := make([]byte, 9<<20+7) // several windows of an SSH channel, and an odd end
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	out, complaint, exit := outputOf(t, client, bytes.NewReader(content), "sh", "-c", "tee /dev/fd/2")
	if exit != (session.Exit{}) || out != string(content) || complaint != string(content) {
		t.Errorf("of %d bytes came back %d on stdout and %d on stderr, exit %+v", len(content), len(out), len(complaint), exit)
	}
}

// A command's end must be noticed whatever happens to the streams, such as an open stdin that
// is not read. An output that could not be written must be noticed too.
func TestSessionEndsWithItsCommand(t *testing.T) {
	client := serve(t).connect(t)
	never, neverEnds := io.Pipe()
	defer neverEnds.Close()
	if _, _, exit := outputOf(t, client, never, "sh", "-c", "exit 3"); exit.Status != 3 {
		t.Errorf("with an open stdin: %+v", exit)
	}
	running := start(t, client, "sh", "-c", "head -c 5000000 /dev/zero; exit 4")
	exit, err := running.Wait(session.Streams{Out: broken{}, Err: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "nobody reads") {
		t.Errorf("with a broken stdout: %+v, %v", exit, err)
	}
	zeros, endless := io.Pipe()
	go func() {
		for _, err := endless.Write(make([]byte, 1<<20)); err == nil; _, err = endless.Write(make([]byte, 1<<20)) {
		}
	}()
	defer zeros.Close()
	if _, _, exit := outputOf(t, client, zeros, "sh", "-c", "head -c 1 >/dev/null; exit 5"); exit.Status != 5 {
		t.Errorf("with more stdin than was read: %+v", exit)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("nobody reads") }

// fifo makes a named pipe. To read it to its end waits until no process has it open for
// writing.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBackgroundProcessOutlivesItsSession(t *testing.T) {
	client := serve(t).connect(t)
	orders, answers := fifo(t), fifo(t)
	// The background process keeps stdout and stderr open, and writes again on an order.
	out, _, exit := outputOf(t, client, nil, "sh", "-c",
		`(read go <"$0"; head -c 300000 /dev/zero; echo wrote >"$1") & echo $!; echo gone >&2`, orders, answers)
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil || exit != (session.Exit{}) {
		t.Fatalf("stdout %q, exit %+v", out, exit)
	}
	if err := unix.Kill(pid, 0); err != nil {
		t.Fatalf("the background process is gone: %v", err)
	}
	if err := os.WriteFile(orders, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	// It could write more than a pipe holds without a reader, and without SIGPIPE.
	output, err := os.ReadFile(answers)
	if err != nil || string(output) != "wrote\n" {
		t.Errorf("the background process said %q, %v", output, err)
	}
}

func TestLostConnectionEndsTheProcessGroup(t *testing.T) {
	for name, script := range map[string]string{
		"with SIGHUP":  `exec 3>"$0"; echo up; sleep 1000 & sleep 1000`,
		"with SIGKILL": `trap "" HUP; exec 3>"$0"; echo up; sleep 1000 & sleep 1000`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := serve(t).connect(t)
			held := fifo(t)
			running := start(t, client, "sh", "-c", script, held)
			waited := make(chan error, 1)
			up, output := io.Pipe()
			go func() {
				_, err := running.Wait(session.Streams{Out: output, Err: io.Discard})
				waited <- err
			}()
			reader, err := os.Open(held)
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			if _, err := io.ReadFull(up, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			client.Close()
			if err := <-waited; !errors.Is(err, session.ErrLost) {
				t.Errorf("Wait: got %v, want ErrLost", err)
			}
			if _, err := io.ReadAll(reader); err != nil { // until no process has it open
				t.Error(err)
			}
		})
	}
}

// As at home the command leads its job, and another process leads the session.
func TestCommandLeadsAJob(t *testing.T) {
	out, _, _ := outputOf(t, serve(t).connect(t), nil, "sh", "-c", "echo $$; cut -d' ' -f5,6 /proc/$$/stat")
	pid, ids, _ := strings.Cut(strings.TrimSpace(out), "\n")
	group, session, _ := strings.Cut(ids, " ")
	if group != pid || session == pid || session == strconv.Itoa(unix.Getpgrp()) {
		t.Errorf("process %s is in group %s and session %s", pid, group, session)
	}
}

func TestCommandStartsInItsDirectoryAndEnvironment(t *testing.T) {
	dir := t.TempDir() // written before any start, as a file open for writing cannot be executed
	if err := os.WriteFile(filepath.Join(dir, "here"), []byte("#!/bin/sh\necho \"$PWD $X\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t)
	client := s.connect(t)
	out, _, _ := outputOf(t, client, nil, "sh", "-c", `pwd; echo "$HOME"; echo "$NIX_CONFIG"`)
	home := s.Volume.Home()
	if want := home + "\n" + home + "\nsync-before-registering = true\n"; !strings.HasPrefix(out, want) {
		t.Errorf("got %q, want %q first", out, want)
	}
	running, err := client.Start(session.Request{Argv: []string{"./here"}, Dir: dir, Env: []string{"X=a=b"}})
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	if _, err := running.Wait(session.Streams{Out: &output, Err: io.Discard}); err != nil || output.String() != dir+" a=b\n" {
		t.Errorf("got %q, %v", &output, err)
	}
}

func TestSessionsShareAConnection(t *testing.T) {
	client := serve(t).connect(t)
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			in := strings.Repeat(fmt.Sprintln(i), 1000)
			running, err := client.Start(session.Request{Argv: []string{"sh", "-c", "cat; exit " + strconv.Itoa(i)}})
			if err != nil {
				t.Error(err)
				return
			}
			var out bytes.Buffer
			exit, err := running.Wait(session.Streams{In: strings.NewReader(in), Out: &out, Err: io.Discard})
			if err != nil || exit.Status != uint32(i) || out.String() != in {
				t.Errorf("session %d: %d bytes, %+v, %v", i, out.Len(), exit, err)
			}
		})
	}
	all.Wait()
}

func TestAgentTrustsEnrolledKeysAlone(t *testing.T) {
	s := serve(t)
	for name, change := range map[string]func(*served){
		"a stranger's key":     func(s *served) { s.key = sessiontest.Signer(t) },
		"another agent's host": func(s *served) { s.hostKey = sessiontest.Signer(t).PublicKey() },
	} {
		other := s
		change(&other)
		conn, err := s.dial()
		if err != nil {
			t.Fatal(err)
		}
		if client, err := session.Connect(t.Context(), conn, other.hostKey, other.key); err == nil {
			client.Close()
			t.Errorf("%s was accepted", name)
		}
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Errorf("%s: the connection was left open", name)
		}
	}
	if err := s.Enroll(strings.NewReader("no key\n"), io.Discard); err == nil {
		t.Error("what is no key was enrolled")
	}
}

func TestEnrollTwiceIsOneLine(t *testing.T) {
	s := serve(t)
	var all sync.WaitGroup
	others := []ssh.Signer{sessiontest.Signer(t), sessiontest.Signer(t)}
	for i := range 16 {
		all.Go(func() {
			if err := s.authorize(others[i%2].PublicKey()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	content, err := os.ReadFile(s.keys())
	if err != nil || bytes.Count(content, []byte("\n")) != 3 {
		t.Errorf("the enrolled keys are %q, %v", content, err)
	}
	for _, key := range append(others, s.key) {
		if !s.authorized(key.PublicKey()) {
			t.Error("an enrolled key is not authorized")
		}
	}
	if info, err := os.Stat(s.keys()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the keys' mode: %v, %v", info.Mode(), err)
	}
}

func TestAgentServesItsOwnSessionsAlone(t *testing.T) {
	s := serve(t)
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	client, channels, requests, err := ssh.NewClientConn(conn, "", &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(s.key)}, HostKeyCallback: ssh.FixedHostKey(s.hostKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	go ssh.DiscardRequests(requests)
	go func() {
		for range channels {
		}
	}()
	if _, _, err := client.OpenChannel("direct-tcpip", nil); err == nil {
		t.Error("a channel for forwarding was opened")
	}
	// An invalid request ends the channel, and not the agent.
	for _, request := range []string{"", "\x00\x00", "\x00\x00\x00\x02{", "\x00\x00\x00\x01x", "\xff\xff\xff\xff", "\x00\x00\x00\x02[]"} {
		channel, answers, err := client.OpenChannel("session@nixproxy.dev", nil)
		if err != nil {
			t.Fatalf("before request %q: %v", request, err)
		}
		_, _ = channel.Write([]byte(request))
		_ = channel.CloseWrite()
		for answer := range answers {
			t.Errorf("request %q was answered %s", request, answer.Type)
		}
	}
	if out, _, _ := outputOf(t, s.connect(t), nil, "echo", "here"); out != "here\n" {
		t.Errorf("afterwards: %q", out)
	}
}

func TestBridgeCarriesSessions(t *testing.T) {
	s := serve(t)
	ours, theirs := net.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- s.Connect(theirs, theirs)
		theirs.Close()
	}()
	client, err := session.Connect(t.Context(), ours, s.hostKey, s.key)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, _ := outputOf(t, client, strings.NewReader("in"), "cat"); out != "in" {
		t.Errorf("got %q over the bridge", out)
	}
	client.Close()
	if err := <-ended; err != nil {
		t.Errorf("the bridge: %v", err)
	}
}

func TestServeTakesOverASocketThatWasLeft(t *testing.T) {
	a := newAgent(t)
	if err := os.WriteFile(a.socket(), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Serve(ctx) }()
	defer func() { stop(); <-ended }()
	// Until it is replaced, the file refuses; dial waits.
	conn, err := a.dial()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
