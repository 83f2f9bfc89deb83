package server

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
)

func TestSSHAgentIsLentForASession(t *testing.T) {
	client := serve(t).connect(t)
	dir, err := os.MkdirTemp("", "agent") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "socket")
	host := upper(t, "unix", socket)
	client.OfferSSHAgent(socket)

	running, err := client.Start(session.Request{Argv: []string{"sh", "-c", "echo $SSH_AUTH_SOCK; read line"}, SSHAgent: true})
	if err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	stdin, in := io.Pipe()
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := running.Wait(session.Streams{In: stdin, Out: stdout, Err: &output})
		ended <- err
	}()
	lent, err := bufio.NewReader(out).ReadString('\n')
	if lent = strings.TrimSpace(lent); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Dir(lent)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("its directory: %v, %v", info, err)
	}
	for _, what := range []string{"one", strings.Repeat("two", 1<<20)} {
		if answer, err := ask("unix", lent, what); err != nil || answer != strings.ToUpper(what) {
			t.Errorf("%d bytes: %d came back, %v", len(what), len(answer), err)
		}
	}
	held, err := net.Dial("unix", lent) // by a process that outlives the session
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	host.Close()
	if answer, _ := ask("unix", lent, "anybody?"); answer != "" {
		t.Errorf("when the ssh agent was gone it answered %q", answer)
	}
	in.Close()
	if err := <-ended; err != nil || output.Len() > 0 {
		t.Errorf("%v, %q", err, &output)
	}
	if _, err := os.Stat(filepath.Dir(lent)); !os.IsNotExist(err) {
		t.Errorf("after the session: %v", err)
	}
	if _, err := held.Read(make([]byte, 1)); err == nil {
		t.Error("after the session its connection goes on")
	}
	if path, _, _ := outputOf(t, client, nil, "sh", "-c", "echo $SSH_AUTH_SOCK"); strings.Contains(path, filepath.Dir(lent)) {
		t.Errorf("another session has it: %s", path)
	}
}
