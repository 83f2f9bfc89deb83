package agent

import (
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// quick is a keep-alive's interval in tests.
const quick = 10 * time.Millisecond

// silent is a connection whose other end takes requests without answering them.
func silent(t *testing.T) (ours ssh.Conn, asked <-chan *ssh.Request) {
	t.Helper()
	near, distant := connection(t)
	t.Cleanup(func() { near.Close(); distant.Close() })
	server := &ssh.ServerConfig{NoClientAuth: true}
	server.AddHostKey(newSigner(t))
	type accepted struct {
		conn     ssh.Conn
		requests <-chan *ssh.Request
	}
	far := make(chan accepted, 1)
	go func() {
		conn, _, requests, _ := ssh.NewServerConn(distant, server)
		far <- accepted{conn, requests}
	}()
	ours, _, requests, err := ssh.NewClientConn(near, "", &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	return ours, (<-far).requests
}

// ended tells whether a connection ends within a time.
func ended(conn ssh.Conn, within time.Duration) bool {
	end := make(chan struct{})
	go func() { _ = conn.Wait(); close(end) }()
	select {
	case <-end:
		return true
	case <-time.After(within):
		return false
	}
}

func TestKeepAliveGivesUpASilentEnd(t *testing.T) {
	conn, _ := silent(t)
	begin := time.Now()
	go (&keepAlive{conn: conn, every: quick}).run()
	if !ended(conn, 10*time.Second) {
		t.Fatal("it is not given up")
	}
	// One round asks, and then they are missed.
	if took := time.Since(begin); took < aliveMissed*quick {
		t.Errorf("it was given up after %v", took)
	}
}

func TestKeepAliveLeavesAnEndThatAnswers(t *testing.T) {
	conn, asked := silent(t)
	rounds := make(chan struct{})
	go func() {
		for request := range asked {
			if request.Type != keepAliveRequest || !request.WantReply {
				t.Errorf("asked %s", request.Type)
			}
			_ = request.Reply(false, nil)
			rounds <- struct{}{}
		}
	}()
	go (&keepAlive{conn: conn, every: quick}).run()
	for range 3 * aliveMissed {
		<-rounds
	}
	conn.Close()
}

// A late answer counts, and the rounds before it do not count any more.
func TestKeepAliveForgivesALateAnswer(t *testing.T) {
	conn, asked := silent(t)
	go (&keepAlive{conn: conn, every: quick}).run()
	for range 3 {
		request := <-asked
		time.Sleep(aliveMissed / 2 * quick)
		if err := request.Reply(false, nil); err != nil {
			t.Fatalf("it was given up: %v", err)
		}
	}
	if !ended(conn, 10*time.Second) {
		t.Error("it is not given up at last")
	}
}

func TestKeepAliveBearsAnAnnouncedSilence(t *testing.T) {
	conn, asked := silent(t)
	k := &keepAlive{conn: conn, every: quick}
	k.suspended.Store(true)
	go k.run()
	request := <-asked
	if ended(conn, 3*aliveMissed*quick) {
		t.Fatal("it was given up")
	}
	_ = request.Reply(false, nil) // and with it the silence is over
	if !ended(conn, 10*time.Second) {
		t.Error("the next silence is borne too")
	}
}
