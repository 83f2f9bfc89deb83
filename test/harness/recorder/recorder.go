//go:build linux && acceptance

// Package recorder records the requests that nixproxy sends to an engine.
package recorder

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
)

// A Recorder stands between nixproxy and an engine and writes down each request.
type Recorder struct {
	engine   string // the engine's socket
	Listener net.Listener

	mu       sync.Mutex
	requests []string // method and path
	total    int      // with those that were forgotten
}

// A halfCloser can end each way of a connection by itself.
type halfCloser interface {
	net.Conn
	CloseWrite() error
}

// Start listens at an address for requests to an engine's socket.
func Start(network, address, engine string) (*Recorder, error) {
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	r := &Recorder{engine: engine, Listener: listener}
	go r.accept()
	return r, nil
}

func (r *Recorder) accept() {
	for {
		client, err := r.Listener.Accept()
		if err != nil {
			return
		}
		go r.serve(client.(halfCloser))
	}
}

// Take returns the requests so far and begins anew.
func (r *Recorder) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	requests := r.requests
	r.requests = nil
	return requests
}

// Total is how many requests there have been.
func (r *Recorder) Total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total
}

func (r *Recorder) record(request *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.total++
	r.requests = append(r.requests, request.Method+" "+request.URL.Path)
}

func (r *Recorder) serve(client halfCloser) {
	defer client.Close()
	dialled, err := net.Dial("unix", r.engine)
	if err != nil {
		return
	}
	engine := dialled.(halfCloser)
	defer engine.Close()
	fromClient, fromEngine := bufio.NewReader(client), bufio.NewReader(engine)
	for {
		request, err := http.ReadRequest(fromClient)
		if err != nil {
			return
		}
		r.record(request)
		if request.Header.Get("Upgrade") != "" {
			upgrade(request, client, engine, fromClient, fromEngine)
			return
		}
		if !relay(request, client, engine, fromEngine) {
			return
		}
	}
}

func relay(request *http.Request, client, engine io.Writer, fromEngine *bufio.Reader) bool {
	if request.Write(engine) != nil {
		return false
	}
	response, err := http.ReadResponse(fromEngine, request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.Write(client) == nil
}

// upgrade carries bytes both ways, with each way's own end, from a request on
// that turns its connection into a stream.
func upgrade(request *http.Request, client, engine halfCloser, fromClient, fromEngine *bufio.Reader) {
	if request.Write(engine) != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { io.Copy(engine, fromClient); engine.CloseWrite() })
	both.Go(func() { io.Copy(client, fromEngine); client.CloseWrite() })
	both.Wait()
}
