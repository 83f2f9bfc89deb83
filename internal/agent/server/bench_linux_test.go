package server

import (
	"io"
	"testing"

	"github.com/nixproxy/nixproxy/internal/session"
)

const benchBytes = 256 << 20

func BenchmarkStdout(b *testing.B) {
	client := serve(b).connect(b)
	b.SetBytes(benchBytes)
	for b.Loop() {
		running, err := client.Start(session.Request{Argv: []string{"head", "-c", "256M", "/dev/zero"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := running.Wait(session.Streams{Out: io.Discard, Err: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func BenchmarkStdin(b *testing.B) {
	client := serve(b).connect(b)
	b.SetBytes(benchBytes)
	for b.Loop() {
		running, err := client.Start(session.Request{Argv: []string{"sh", "-c", "cat >/dev/null"}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := running.Wait(session.Streams{In: io.LimitReader(zeros{}, benchBytes), Out: io.Discard, Err: io.Discard}); err != nil {
			b.Fatal(err)
		}
	}
}
