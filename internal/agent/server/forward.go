package server

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/nixproxy/nixproxy/internal/session"
)

// forwards are the addresses in the container that the agent listens on for a client
// (RFC 4254, section 7). A connection to one is carried to the client's side. They end
// with the client's connection.
type forwards struct {
	ctx  context.Context
	conn ssh.Conn

	mu        sync.Mutex
	listeners map[forwardAddress]net.Listener
}

// A forwardAddress is an address as the client writes it.
type forwardAddress struct {
	Host string
	Port uint32
}

func newForwards(ctx context.Context, conn ssh.Conn) *forwards {
	return &forwards{ctx: ctx, conn: conn, listeners: map[forwardAddress]net.Listener{}}
}

// handle answers a client's request, and returns false if it is not about forwards.
func (f *forwards) handle(request *ssh.Request) bool {
	var at forwardAddress
	var answer []byte
	var err error
	switch request.Type {
	case "tcpip-forward":
		if err = ssh.Unmarshal(request.Payload, &at); err == nil {
			answer, err = f.listen(at)
		}
	case "cancel-tcpip-forward":
		if err = ssh.Unmarshal(request.Payload, &at); err == nil {
			err = f.cancel(at)
		}
	default:
		return false
	}
	if request.WantReply {
		_ = request.Reply(err == nil, answer)
	}
	return true
}

func (f *forwards) listen(at forwardAddress) (answer []byte, err error) {
	host, err := loopback(at.Host)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(int(at.Port))))
	if err != nil {
		return nil, err
	}
	if at.Port == 0 {
		at.Port = uint32(listener.Addr().(*net.TCPAddr).Port)
		answer = ssh.Marshal(struct{ Port uint32 }{at.Port})
	}
	f.mu.Lock()
	f.listeners[at] = listener
	f.mu.Unlock()
	context.AfterFunc(f.ctx, func() { listener.Close() })
	go f.accept(listener, at)
	return answer, nil
}

// loopback returns the address to listen on. The container's other networks must not
// reach the client's side.
func loopback(host string) (string, error) {
	if host == "localhost" {
		return "127.0.0.1", nil
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return "", fmt.Errorf("%q is not on the container's loopback", host)
	}
	return host, nil
}

func (f *forwards) cancel(at forwardAddress) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	listener, ok := f.listeners[at]
	if !ok {
		return fmt.Errorf("nothing listens on %s:%d", at.Host, at.Port)
	}
	delete(f.listeners, at)
	return listener.Close()
}

func (f *forwards) accept(listener net.Listener, at forwardAddress) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go f.carry(conn.(*net.TCPConn), at)
	}
}

func (f *forwards) carry(conn *net.TCPConn, at forwardAddress) {
	from := conn.RemoteAddr().(*net.TCPAddr)
	channel, requests, err := f.conn.OpenChannel("forwarded-tcpip", ssh.Marshal(struct {
		Host     string
		Port     uint32
		FromHost string
		FromPort uint32
	}{at.Host, at.Port, from.IP.String(), uint32(from.Port)}))
	if err != nil {
		conn.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	session.Splice(f.ctx, channel, conn)
}
