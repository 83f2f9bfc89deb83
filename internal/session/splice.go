package session

import (
	"context"
	"io"
	"sync"
)

// A Stream is a connection each of whose ways ends for itself.
type Stream interface {
	io.ReadWriteCloser
	CloseWrite() error
}

// Splice carries bytes between two streams until both ways have ended, or the
// context has. Neither way's end is the other's: what asks may have said all
// while the answer is still to come.
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
	_, _ = io.Copy(struct{ io.Writer }{to}, struct{ io.Reader }{from}) // its failure is its end
	_ = to.CloseWrite()
}
