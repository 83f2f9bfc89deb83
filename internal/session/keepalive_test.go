package session

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session/sessiontest"
)

// asked makes a connection whose keep-alives the test sees. It is one within the
// process, so that the test's clock is the connection's.
func dialed(t *testing.T) (ours ssh.Conn, requests <-chan *ssh.Request) {
	t.Helper()
	near, distant := net.Pipe()
	server := &ssh.ServerConfig{NoClientAuth: true}
	server.AddHostKey(sessiontest.Signer(t))
	far := make(chan (<-chan *ssh.Request), 1)
	go func() {
		_, _, requests, _ := ssh.NewServerConn(Buffered(distant), server)
		far <- requests
	}()
	ours, _, replies, err := ssh.NewClientConn(Buffered(near), "", &ssh.ClientConfig{HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(replies)
	t.Cleanup(func() { ours.Close() })
	return ours, <-far
}

// givenUp is how long it takes until a connection ends.
func givenUp(conn ssh.Conn) time.Duration {
	begin := time.Now()
	_ = conn.Wait()
	return time.Since(begin)
}

func TestKeepAliveGivesUpASilentEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := dialed(t)
		watch(conn)
		// One round asks, and then they are missed.
		if took := givenUp(conn); took != (1+aliveMissed)*aliveEvery {
			t.Errorf("it was given up after %v", took)
		}
	})
}

func TestKeepAliveLeavesAnEndThatAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, requests := dialed(t)
		watch(conn)
		for range 3 * aliveMissed {
			request := <-requests
			if request.Type != keepAliveRequest || !request.WantReply {
				t.Errorf("asked %s", request.Type)
			}
			if err := request.Reply(false, nil); err != nil {
				t.Fatalf("it was given up: %v", err)
			}
		}
	})
}

// A late answer counts, and the rounds before it do not count any more.
func TestKeepAliveForgivesALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, requests := dialed(t)
		watch(conn)
		for range 3 {
			request := <-requests
			time.Sleep(aliveMissed*aliveEvery - time.Second)
			if err := request.Reply(false, nil); err != nil {
				t.Fatalf("it was given up: %v", err)
			}
		}
		<-requests
		if took := givenUp(conn); took != aliveMissed*aliveEvery {
			t.Errorf("at last it was given up after %v", took)
		}
	})
}

func TestKeepAliveBearsAnAnnouncedSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, requests := dialed(t)
		watch(conn).suspended.Store(true)
		request := <-requests
		time.Sleep(time.Hour)
		if err := request.Reply(false, nil); err != nil { // and with it the silence is over
			t.Fatalf("it was given up: %v", err)
		}
		<-requests
		if took := givenUp(conn); took != aliveMissed*aliveEvery {
			t.Errorf("the next silence was borne for %v", took)
		}
	})
}
