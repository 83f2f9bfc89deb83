package proxy

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/internal/agentapi"
	"github.com/nixproxy/nixproxy/internal/engine"
	"github.com/nixproxy/nixproxy/internal/engine/enginetest"
	"github.com/nixproxy/nixproxy/internal/proxy/proxytest"
	"github.com/nixproxy/nixproxy/internal/session"
	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

func TestUsesPort(t *testing.T) {
	now := time.Now()
	with := remembered{Address: "127.0.0.1:1"}
	resting := remembered{Address: "127.0.0.1:1", Rested: now.Add(time.Second)}
	for _, test := range []struct {
		transport string
		known     remembered
		at        time.Time
		want      bool
	}{
		{"auto", with, now, true},
		{"auto", remembered{}, now, false},
		{"auto", resting, now, false},
		{"auto", resting, now.Add(time.Second), true},
		{"", with, now, true}, // a command without the setting
		{"exec", with, now, false},
		{"port", with, now, true},
		{"port", resting, now, true},
		{"port", remembered{}, now, true}, // whose lack is then told
	} {
		if got := usesPort(test.transport, test.known, test.at); got != test.want {
			t.Errorf("%s, %+v: got %v", test.transport, test.known, got)
		}
	}
}

// at listens on loopback and does this with each connection.
func at(t *testing.T, accepted func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { conn.Close() })
			go accepted(conn)
		}
	}()
	return listener.Addr().String()
}

// closed is a port that nobody listens on, and that nobody else is given meanwhile.
func closed(t *testing.T) string {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
}

// answering is an agent's port as far as a client looks at it to know it.
func answering(hostKey ssh.Signer, specification string) func(net.Conn) {
	config := &ssh.ServerConfig{NoClientAuth: true, ServerVersion: session.Banner(specification)}
	config.AddHostKey(hostKey)
	return func(conn net.Conn) {
		if server, _, _, err := ssh.NewServerConn(conn, config); err == nil {
			_ = server.Wait()
		}
	}
}

func TestOverPort(t *testing.T) {
	hostKey := sessiontest.Signer(t)
	right := answering(hostKey, "s")
	late := func(c net.Conn) { time.Sleep(2 * alive); right(c) }
	const ample = time.Minute // for a test's own answers on a busy machine
	for name, test := range map[string]struct {
		address string
		within  time.Duration
		says    string
	}{
		"right":             {at(t, right), ample, ""},
		"late":              {at(t, late), patience("port"), ""},
		"too late":          {at(t, late), patience("auto"), "timeout"},
		"none":              {"", ample, "has no port on this machine"},
		"closed":            {closed(t), ample, "refused"},
		"silent":            {at(t, func(net.Conn) {}), alive, "timeout"},
		"ends":              {at(t, func(c net.Conn) { c.Close() }), ample, "does not answer"},
		"another program":   {at(t, func(c net.Conn) { _, _ = c.Write([]byte("220 mail\r\n")) }), alive, "timeout"},
		"another volume":    {at(t, answering(sessiontest.Signer(t), "s")), ample, "host key is not the volume's"},
		"another container": {at(t, answering(hostKey, "other")), ample, "another container's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := route{remembered{Address: test.address, Specification: "s"}, hostKey.PublicKey(), sessiontest.Signer(t)}
			client, err := r.overPort(t.Context(), test.within)
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				client.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.says) || !slowPath(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A port without an answer is left alone for a while, in proportion to what it
// cost; but for another one that the container has by now.
func TestRestPort(t *testing.T) {
	w := proxytest.New(t)
	w.Address = "127.0.0.1:7"
	c := w.Add(engine.Container{Name: "c", State: "running"})
	w.Change("c", func(c *enginetest.Container) { c.Spec.Publish = agentapi.Port })
	p := in(w)
	for address, want := range map[string]time.Duration{"127.0.0.1:7": 200 * time.Second, "127.0.0.1:8": 0} {
		before := time.Now()
		p.restPort(t.Context(), w, aSpec(), remembered{Container: c.ID, Address: address}, time.Second)
		var got remembered
		if !p.State.Load(aSpec().stateFile(), &got) || got.Address != "127.0.0.1:7" || got.Container != c.ID {
			t.Errorf("from %s: %+v", address, got)
		}
		if rests := got.Rested.Sub(before); want == 0 && !got.Rested.IsZero() || want > 0 && (rests < want || rests > want+time.Minute) {
			t.Errorf("from %s: rests for %v", address, rests)
		}
	}
}
