package server

import (
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// upper answers each connection, after the end of its input, with the input in capitals.
func upper(t *testing.T, network, address string) net.Listener {
	t.Helper()
	listener, err := net.Listen(network, address)
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
			go func() {
				defer conn.Close()
				output, _ := io.ReadAll(conn)
				_, _ = io.WriteString(conn, strings.ToUpper(string(output)))
			}()
		}
	}()
	return listener
}

// ask sends a text to an address, ends its own direction, and reads the answer.
func ask(network, address, what string) (string, error) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, what); err != nil {
		return "", err
	}
	if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

func TestForwardReachesTheHost(t *testing.T) {
	client := serve(t).connect(t)
	there, err := client.Forward(upper(t, "tcp", "127.0.0.1:0").Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if host, _, _ := net.SplitHostPort(there); host != "127.0.0.1" {
		t.Errorf("the agent listens on %s", there)
	}
	for _, what := range []string{"hello", strings.Repeat("much ", 1<<20), ""} {
		if answer, err := ask("tcp", there, what); err != nil || answer != strings.ToUpper(what) {
			t.Errorf("%d bytes: %d came back, %v", len(what), len(answer), err)
		}
	}
	nobody := upper(t, "tcp", "127.0.0.1:0")
	nobody.Close()
	dead, err := client.Forward(nobody.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if answer, _ := ask("tcp", dead, ""); answer != "" {
		t.Errorf("nobody answered %q", answer)
	}
}

func TestForwardEndsWithItsClient(t *testing.T) {
	client := serve(t).connect(t)
	held, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	there, err := client.Forward(held.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inside, err := net.Dial("tcp", there)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	outside, err := held.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	client.Close()
	for name, conn := range map[string]net.Conn{"inside": inside, "on the host": outside} {
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s the connection goes on", name)
		}
	}
	for { // until the agent notices it
		conn, err := net.Dial("tcp", there)
		if err != nil {
			break
		}
		conn.Close()
	}
}

func TestForwardRequests(t *testing.T) {
	f := newForwards(t.Context(), nil)
	for host, allowed := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true,
		"": false, "0.0.0.0": false, "::": false, "*": false, "192.0.2.1": false, "example.org": false, "127.0.0.1.example.org": false,
	} {
		if _, err := loopback(host); (err == nil) != allowed {
			t.Errorf("%q: %v", host, err)
		}
	}
	port := uint32(upper(t, "tcp", "127.0.0.1:0").Addr().(*net.TCPAddr).Port)
	if _, err := f.listen(forwardAddress{"localhost", port}); err == nil {
		t.Error("a port that is taken was given again")
	}
	var got struct{ Port uint32 }
	answer, err := f.listen(forwardAddress{"localhost", 0})
	if err != nil || ssh.Unmarshal(answer, &got) != nil || got.Port == 0 {
		t.Fatalf("answer %q, %v", answer, err)
	}
	for _, at := range []forwardAddress{{"127.0.0.1", got.Port}, {"localhost", 0}} {
		if err := f.cancel(at); err == nil {
			t.Errorf("%v was never asked for", at)
		}
	}
	if err := f.cancel(forwardAddress{"localhost", got.Port}); err != nil {
		t.Error(err)
	}
	if answer, err := f.listen(forwardAddress{"localhost", got.Port}); err != nil || len(answer) > 0 {
		t.Errorf("after its cancellation: %q, %v", answer, err)
	}
}
