package session

import (
	"context"
	"io"
	"sync"
)

// A Stream is a connection that can end in one direction.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Splice carries bytes between two streams until both directions or the context have
// ended. The end of one direction does not end the other: a request may be complete
// while its answer is still to come.
func Splice(ctx context.Context, a, b Stream) {
	end := func() { a.Close(); b.Close() }
	defer context.AfterFunc(ctx, end)()
	var ways sync.WaitGroup
	ways.Go(func() { carry(a, b) })
	ways.Go(func() { carry(b, a) })
	ways.Wait()
	end()
}

func carry(to, from Stream) {
	_, _ = io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from}) // a failure is an end
	_ = to.CloseWrite()
}
