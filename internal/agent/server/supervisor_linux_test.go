package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/session"
)

// await waits for something to become true, longer than the busiest machine takes.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// holders counts the processes that have a file open as their descriptor 9: a test's command,
// and all that it started.
func holders(t *testing.T, path string) int {
	t.Helper()
	n := 0
	fds, err := filepath.Glob("/proc/[0-9]*/fd/9")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == path {
			n++
		}
	}
	return n
}

// stubborn is a script. It starts a process of every kind that has ever outlived its parent.
const stubborn = `
exec 9>"$1"
trap '' HUP
sleep 300 &
setsid sleep 300 &
env -i setsid sh -c 'sleep 300 & sleep 300 & exec sleep 300' &
(setsid sh -c 'sleep 300 & setsid sleep 300 &' &)
(setsid sh -c 'trap "" HUP TERM; kill -STOP $$' &)
sleep 300`

func TestLostClientEndsTheWholeTree(t *testing.T) {
	for name, terminal := range map[string]*session.Terminal{"pipes": nil, "a terminal": {Size: session.Size{Columns: 80, Rows: 24}}} {
		file := filepath.Join(t.TempDir(), "held")
		client := serve(t).connect(t)
		running, err := client.Start(session.Request{Argv: []string{"sh", "-c", stubborn, "sh", file}, Terminal: terminal})
		if err != nil {
			t.Fatal(err)
		}
		waited := make(chan error, 1)
		go func() {
			_, err := running.Wait(session.Streams{Out: io.Discard, Err: io.Discard})
			waited <- err
		}()
		await(t, name+": the tree is there", func() bool { return holders(t, file) >= 9 })
		client.Close()
		await(t, name+": the tree has ended", func() bool { return holders(t, file) == 0 })
		if err := <-waited; err != session.ErrLost {
			t.Errorf("%s: Wait: %v", name, err)
		}
	}
}

// A lost connection ends the command's stdin, and so perhaps the command, before the agent can
// have ended its tree.
func TestLostClientEndsWhatACommandLeft(t *testing.T) {
	a := Agent{supervisors: &supervisorPool{}}
	defer a.supervisors.close()
	file := filepath.Join(t.TempDir(), "held")
	p, err := a.launch(task{Path: "/bin/sh", Args: []string{"sh", "-c", `exec 9>"$1"; sleep 300 & read end`, "sh", file}}, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, lose := context.WithCancel(t.Context())
	ours, theirs := net.Pipe()
	conn := ending{ours, lose}
	attended := make(chan struct{})
	go func() {
		p.attend(ctx, conn, deaf{conn}, io.Discard)
		close(attended)
	}()
	await(t, "the tree is there", func() bool { return holders(t, file) == 2 })
	theirs.Close()
	<-attended
	await(t, "the tree has ended", func() bool { return holders(t, file) == 0 })
}

// deaf is a connection that cannot end one direction.
type deaf struct{ io.Writer }

func (deaf) CloseWrite() error { return nil }

func TestKilledAgentEndsTheTree(t *testing.T) {
	k, err := newSupervisor()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "held")
	s, err := openStdio(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.abandon()
	if err := k.start(task{Path: "/bin/sh", Args: []string{"sh", "-c", stubborn, "sh", file}}, s.theirs); err != nil {
		t.Fatal(err)
	}
	await(t, "the tree is there", func() bool { return holders(t, file) >= 9 })
	k.conn.Close() // as the kernel does for a process that is killed
	await(t, "the tree has ended", func() bool { return holders(t, file) == 0 })
}

// A command's children live on after its end, as they would at home, and also after the end
// of their client.
func TestEndedCommandsChildrenLiveOn(t *testing.T) {
	for name, terminal := range map[string]*session.Terminal{"pipes": nil, "a terminal": {}} {
		file := filepath.Join(t.TempDir(), "held")
		client := serve(t).connect(t)
		running, err := client.Start(session.Request{Argv: []string{"sh", "-c", `exec 9>"$1"; sleep 300 & echo $!`, "sh", file}, Terminal: terminal})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if exit, err := running.Wait(session.Streams{Out: &out, Err: io.Discard}); err != nil || exit != (session.Exit{}) {
			t.Fatalf("%s: %+v, %v", name, exit, err)
		}
		client.Close()
		time.Sleep(hangupGrace + 100*time.Millisecond)
		if holders(t, file) != 1 {
			t.Errorf("%s: the child has ended with its parent", name)
		}
		var pid int
		fmt.Sscan(out.String(), &pid)
		_ = unix.Kill(pid, unix.SIGKILL)
		await(t, "its supervisor reaps it", func() bool { return holders(t, file) == 0 })
	}
}

func TestSignalsReachTheCommandAndItsChildren(t *testing.T) {
	// Processes that a shell starts in the background ignore INT and QUIT.
	const script = `
for s in HUP INT QUIT USR1 USR2 TERM WINCH; do trap "echo parent $s" $s; done
sh -c 'for s in HUP USR1 USR2 TERM WINCH; do trap "echo child $s" $s; done; echo ready; while :; do sleep 0.02; done' &
while :; do wait; done`
	for name, terminal := range map[string]*session.Terminal{"pipes": nil, "a terminal": {}} {
		client := serve(t).connect(t)
		running, err := client.Start(session.Request{Argv: []string{"sh", "-c", script}, Terminal: terminal})
		if err != nil {
			t.Fatal(err)
		}
		reader, writer := io.Pipe()
		go running.Wait(session.Streams{Out: writer, Err: io.Discard})
		lines := bufio.NewScanner(reader)
		lines.Scan()
		for _, signal := range []session.Signal{"HUP", "INT", "QUIT", "USR1", "USR2", "TERM", "WINCH"} {
			if err := running.Signal(signal); err != nil {
				t.Fatal(err)
			}
			want := map[string]bool{"parent " + string(signal): true}
			if signal != "INT" && signal != "QUIT" {
				want["child "+string(signal)] = true
			}
			for len(want) > 0 && lines.Scan() {
				delete(want, strings.TrimSpace(lines.Text())) // a shell may say more
			}
			if len(want) > 0 {
				t.Errorf("%s: after %s nothing of %v", name, signal, want)
			}
		}
		client.Close()
	}
}

func TestStopIsToldAndContinued(t *testing.T) {
	running, err := serve(t).connect(t).Start(session.Request{Argv: []string{"sh", "-c", "kill -STOP $$; echo on"}})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-running.Stopped()
		running.Signal("CONT")
	}()
	var out bytes.Buffer
	if _, err := running.Wait(session.Streams{Out: &out, Err: io.Discard}); err != nil || out.String() != "on\n" {
		t.Errorf("got %q, %v", &out, err)
	}
}

func TestTerminalIsTheCallers(t *testing.T) {
	terminal := &session.Terminal{Size: session.Size{Columns: 101, Rows: 33}, Modes: ssh.TerminalModes{ssh.VINTR: 7, ssh.ECHO: 0, ssh.VEOL: 255}}
	running, err := serve(t).connect(t).Start(session.Request{Terminal: terminal, Argv: []string{"sh", "-c",
		`stty size; stty -a; until stty size | grep "44 55"; do sleep 0.02; done; read x; test -t 2 && echo "$x" >&2; exit 7`}})
	if err != nil {
		t.Fatal(err)
	}
	in, feed := io.Pipe()
	reader, writer := io.Pipe()
	ended := make(chan session.Exit, 1)
	go func() {
		exit, _ := running.Wait(session.Streams{In: in, Out: writer, Err: io.Discard})
		writer.Close()
		ended <- exit
	}()
	lines := bufio.NewReader(reader)
	if first, _ := lines.ReadString('\n'); first != "33 101\r\n" {
		t.Errorf("the first size is %q", first)
	}
	if err := running.Resize(session.Size{Columns: 55, Rows: 44}); err != nil {
		t.Fatal(err)
	}
	output := ""
	for line := ""; line != "44 55\r\n"; output += line {
		if line, err = lines.ReadString('\n'); err != nil {
			t.Fatalf("%v after %q", err, output)
		}
	}
	go io.WriteString(feed, "hello\r")
	rest, _ := io.ReadAll(lines)
	for _, want := range []string{"intr = ^G", "-echo ", "eol = <undef>"} {
		if !strings.Contains(output, want) {
			t.Errorf("no %q in %q", want, output)
		}
	}
	if string(rest) != "hello\r\n" {
		t.Errorf("at last it said %q", rest)
	}
	if exit := <-ended; exit.Status != 7 {
		t.Errorf("exit %+v", exit)
	}
}

func TestCtrlCEndsTheJobInTheForeground(t *testing.T) {
	running, err := serve(t).connect(t).Start(session.Request{Terminal: &session.Terminal{}, Argv: []string{"sh", "-c", "echo on; sleep 300"}})
	if err != nil {
		t.Fatal(err)
	}
	in, feed := io.Pipe()
	defer in.Close()
	reader, writer := io.Pipe()
	go func() {
		bufio.NewReader(reader).ReadString('\n')
		go io.Copy(io.Discard, reader)
		for { // a shell that is just starting its command may lose one
			if _, err := feed.Write([]byte{3}); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	if exit, err := running.Wait(session.Streams{In: in, Out: writer, Err: io.Discard}); err != nil || exit.Signal != uint32(unix.SIGINT) {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestWhatIsLeftOfStdinIsTold(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(file, []byte("skipped\n"+strings.Repeat("0123456789", 1<<18)), 0o644); err != nil {
		t.Fatal(err)
	}
	for script, want := range map[string]int64{":": 8, "dd bs=1 count=3 status=none >/dev/null": 11, "cat >/dev/null": 8 + 10<<18, "exec <&-": 8} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Seek(8, io.SeekStart)
		if _, _, exit := outputOf(t, serve(t).connect(t), f, "sh", "-c", script); exit != (session.Exit{}) {
			t.Errorf("%s: %+v", script, exit)
		}
		if at, _ := f.Seek(0, io.SeekCurrent); at != want {
			t.Errorf("%s: the file is left at %d, not at %d", script, at, want)
		}
	}
}

func TestUmaskIsTheCallers(t *testing.T) {
	running, err := serve(t).connect(t).Start(session.Request{Argv: []string{"sh", "-c", "umask"}, Umask: 0o027})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := running.Wait(session.Streams{Out: &out, Err: io.Discard}); err != nil || out.String() != "0027\n" {
		t.Errorf("%q, %v", &out, err)
	}
}

func TestSpareThatWasKilledIsReplaced(t *testing.T) {
	k := &supervisorPool{}
	defer k.close()
	k.stock()
	k.spare.conn.Close()
	s, err := openStdio(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.abandon()
	started, err := k.start(task{Path: "/bin/true", Args: []string{"true"}}, s.theirs)
	if err != nil {
		t.Fatal(err)
	}
	if status := started.wait(); status != 0 {
		t.Errorf("status %v", status)
	}
}
