package session

import (
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// A connection is given up after as many rounds without an answer. The rounds are
// counted and not the time, so that a laptop's sleep, which has no rounds, does not
// count. Keep-alives are needed because the forwarders between a Mac and its VM drop
// silent connections, and do not pass on the end of others.
const (
	aliveEvery  = 15 * time.Second
	aliveMissed = 8
)

// A keepAlive asks the other end of a connection at intervals whether it is there.
// Any answer will do, and SSH demands one.
type keepAlive struct {
	conn      ssh.Conn
	asking    atomic.Bool
	suspended atomic.Bool // the other end has announced that it will be silent
}

const suspendRequest = "suspend@nixproxy.dev"

func watch(conn ssh.Conn) *keepAlive {
	k := &keepAlive{conn: conn}
	go k.run()
	return k
}

func (k *keepAlive) run() {
	ended := make(chan struct{})
	go func() { _ = k.conn.Wait(); close(ended) }()
	ticker := time.NewTicker(aliveEvery)
	defer ticker.Stop()
	for missed := 0; missed < aliveMissed; {
		select {
		case <-ended:
			return
		case <-ticker.C:
		}
		if k.asking.CompareAndSwap(false, true) {
			missed = 0
			go k.ask()
		} else if !k.suspended.Load() {
			missed++
		}
	}
	k.conn.Close()
}

func (k *keepAlive) ask() {
	_, _, err := k.conn.SendRequest(keepAliveRequest, true, nil)
	if err == nil {
		k.suspended.Store(false)
		k.asking.Store(false)
	}
}

// suspend announces that this end will be silent.
func (k *keepAlive) suspend() { _, _, _ = k.conn.SendRequest(suspendRequest, false, nil) }

// Watch closes an agent's connection when its client does not answer. It answers the
// client's requests, except those that handled has answered.
func Watch(conn ssh.Conn, requests <-chan *ssh.Request, handled func(*ssh.Request) bool) {
	k := watch(conn)
	for request := range requests {
		if handled(request) {
			continue
		}
		if request.Type == suspendRequest {
			k.suspended.Store(true)
		}
		if request.WantReply {
			_ = request.Reply(false, nil)
		}
	}
}
