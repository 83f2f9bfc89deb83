package server

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

// stamped is the image whose stamp is in the volume of every served agent.
var stamped = agentapi.Stamp{
	Identity: "0123456789ab", Nix: "/nix/store/none-nix", Profile: "/nix/store/none-profile",
	Settings: []string{"sync-before-registering = true"},
}

// A served is an agent that listens, with a client's key enrolled.
type served struct {
	Agent
	hostKey ssh.PublicKey
	key     ssh.Signer
}

// newAgent makes an agent with a volume and a directory of its own. The path of a socket must
// be short, so t.TempDir, which has the test's name in it, is too long.
func newAgent(t testing.TB) Agent {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	a := Agent{Volume: layout.Volume(filepath.Join(dir, "nix")), Dir: filepath.Join(dir, "own"), Image: stamped.Identity}
	if err := os.Mkdir(a.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := a.Volume.Prepare(); err != nil {
		t.Fatal(err)
	}
	if err := a.Volume.WriteStamp(stamped); err != nil {
		t.Fatal(err)
	}
	return a
}

func serve(t testing.TB) served {
	t.Helper()
	return serveAgent(t, newAgent(t))
}

func serveAgent(t testing.TB, a Agent) served {
	t.Helper()
	s := served{Agent: a, key: sessiontest.Signer(t)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	s.enroll(t)
	return s
}

// enroll introduces the client and the agent to each other.
func (s *served) enroll(t testing.TB) {
	t.Helper()
	var answer bytes.Buffer
	if err := s.Enroll(bytes.NewReader(ssh.MarshalAuthorizedKey(s.key.PublicKey())), &answer); err != nil {
		t.Fatal(err)
	}
	hostKey, _, _, _, err := ssh.ParseAuthorizedKey(answer.Bytes())
	if err != nil {
		t.Fatalf("the answer to enroll is %q: %v", &answer, err)
	}
	s.hostKey = hostKey
}

func (s served) connect(t testing.TB) *session.Client {
	t.Helper()
	conn, err := s.dial()
	if err != nil {
		t.Fatal(err)
	}
	client, err := session.Connect(t.Context(), conn, s.hostKey, s.key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func start(t *testing.T, client *session.Client, argv ...string) *session.Command {
	t.Helper()
	running, err := client.Start(session.Request{Argv: argv})
	if err != nil {
		t.Fatalf("starting %q: %v", argv, err)
	}
	return running
}

func outputOf(t *testing.T, client *session.Client, stdin io.Reader, argv ...string) (stdout, stderr string, exit session.Exit) {
	t.Helper()
	var out, complaint bytes.Buffer
	exit, err := start(t, client, argv...).Wait(session.Streams{In: stdin, Out: &out, Err: &complaint})
	if err != nil {
		t.Fatalf("%q: %v", argv, err)
	}
	return out.String(), complaint.String(), exit
}
