package server

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
)

// However a session ends, its secrets end with it.
func TestSessionsSecretsEndWithIt(t *testing.T) {
	s := serve(t)
	request := session.Request{
		Argv:    []string{"sh", "-c", `echo "$NIX_CONFIG" | sed -n 's/^netrc-file = //p'; read wait`},
		Secrets: session.Secrets{Netrc: []byte("machine m")},
	}
	for name, end := range map[string]func(*session.Client, *io.PipeWriter){
		"the command ends":   func(_ *session.Client, in *io.PipeWriter) { in.Close() },
		"the client is lost": func(c *session.Client, _ *io.PipeWriter) { c.Close() },
	} {
		client := s.connect(t)
		running, err := client.Start(request)
		if err != nil {
			t.Fatal(err)
		}
		stdin, in := io.Pipe()
		out, written := io.Pipe()
		go func() { _, _ = running.Wait(session.Streams{In: stdin, Out: written, Err: io.Discard}) }()
		line, err := bufio.NewReader(out).ReadString('\n')
		path := strings.TrimSpace(line)
		if content, _ := os.ReadFile(path); err != nil || string(content) != "machine m" {
			t.Fatalf("%s: %q holds %q, %v", name, path, content, err)
		}
		end(client, in)
		await(t, name+": "+path+" is gone", func() bool {
			_, err := os.Stat(filepath.Dir(path))
			return os.IsNotExist(err)
		})
	}
}
