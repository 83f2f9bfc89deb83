package server

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
)

func TestKeepSecrets(t *testing.T) {
	p := newAgent(t).newPrivate()
	defer p.remove()
	lines, err := p.keep(session.Secrets{Nix: "access-tokens = a=b", Netrc: []byte("machine m\x00")})
	if err != nil {
		t.Fatal(err)
	}
	dir, _ := p.dir()
	if want := []string{"!include " + dir + "/nix.conf", "netrc-file = " + dir + "/netrc"}; !slices.Equal(lines, want) {
		t.Errorf("got %q, want %q", lines, want)
	}
	for name, want := range map[string]string{"nix.conf": "access-tokens = a=b", "netrc": "machine m\x00"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
		if content, _ := os.ReadFile(path); string(content) != want {
			t.Errorf("%s holds %q, want %q", name, content, want)
		}
	}
}

func TestKeepNoSecrets(t *testing.T) {
	p := &private{places: []string{"/none"}}
	if lines, err := p.keep(session.Secrets{}); err != nil || len(lines) > 0 {
		t.Errorf("without secrets: %q, %v", lines, err)
	}
	if _, err := p.keep(session.Secrets{Nix: "a = b"}); err == nil || !strings.HasPrefix(err.Error(), "keeping the session's secrets: ") {
		t.Errorf("where nothing can be written: %v", err)
	}
}

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
