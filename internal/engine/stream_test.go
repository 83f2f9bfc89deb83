package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// frame is one frame of the engine's stream format.
func frame(stream byte, content string) string {
	return string(binary.BigEndian.AppendUint32([]byte{stream, 0, 0, 0}, uint32(len(content)))) + content
}

// failure is what a stream's process wrote to stderr.
func failure(s *Stream) string {
	if err := s.Failure(); err != nil {
		return err.Error()
	}
	return ""
}

func TestStreamTakesFramesApart(t *testing.T) {
	for name, test := range map[string]struct{ wire, stdout, stderr string }{
		"nothing":       {"", "", ""},
		"one":           {frame(1, "a"), "a", ""},
		"interleaved":   {frame(1, "a") + frame(2, " x\n") + frame(1, "b") + frame(2, "y ") + frame(1, "c"), "abc", "x\ny"},
		"empty ones":    {frame(1, "") + frame(2, "") + frame(1, "a") + frame(1, ""), "a", ""},
		"stderr alone":  {frame(2, "x"), "", "x"},
		"engine's own":  {frame(3, "engine") + frame(0, "in"), "", "enginein"},
		"a large frame": {frame(1, strings.Repeat("a", 1<<20)) + frame(2, "x"), strings.Repeat("a", 1<<20), "x"},
		"long stderr":   {frame(2, strings.Repeat("x", maxStderr+5)) + frame(2, "y") + frame(1, "a"), "a", strings.Repeat("x", maxStderr)},
	} {
		for how, reader := range map[string]io.Reader{
			"whole":      strings.NewReader(test.wire),
			"by bytes":   iotest.OneByteReader(strings.NewReader(test.wire)),
			"with EOF":   iotest.DataErrReader(strings.NewReader(test.wire)),
			"by halves":  iotest.HalfReader(strings.NewReader(test.wire)),
			"in 3 parts": io.MultiReader(strings.NewReader(test.wire[:len(test.wire)/3]), strings.NewReader(test.wire[len(test.wire)/3:])),
		} {
			s := &Stream{in: reader}
			stdout, err := io.ReadAll(s)
			if err != nil || string(stdout) != test.stdout || failure(s) != test.stderr {
				t.Errorf("%s, %s: got %.50q and %.50q, %v", name, how, stdout, failure(s), err)
			}
		}
	}
}

func TestStreamTellsOfACutHeader(t *testing.T) {
	for cut := 1; cut < 8; cut++ {
		s := &Stream{in: strings.NewReader(frame(1, "a") + frame(1, "b")[:cut])}
		if out, err := io.ReadAll(s); !errors.Is(err, io.ErrUnexpectedEOF) || string(out) != "a" {
			t.Errorf("after %d bytes of a header: %q, %v", cut, out, err)
		}
	}
	for _, cut := range []string{frame(1, "abc")[:9], frame(2, "abc")[:9], frame(1, "a")[:8]} {
		s := &Stream{in: strings.NewReader(cut)}
		if out, err := io.ReadAll(s); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("a frame cut to %q gives %q, %v", cut, out, err)
		}
	}
	failing := &Stream{in: io.MultiReader(strings.NewReader(frame(2, "x")[:8]), iotest.ErrReader(io.ErrClosedPipe))}
	if _, err := failing.Read(make([]byte, 1)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a connection that breaks in stderr: %v", err)
	}
}

// FuzzStream writes any bytes as frames of any sizes, and reads them in pieces
// of any size.
func FuzzStream(f *testing.F) {
	f.Add([]byte("some content"), []byte{1, 3, 2, 0, 1, 200}, uint8(1))
	f.Add([]byte{}, []byte{2, 2}, uint8(7))
	f.Fuzz(func(t *testing.T, content, plan []byte, piece uint8) {
		var wire, stdout, stderr bytes.Buffer
		for ; len(plan) > 1; plan = plan[2:] {
			n := min(int(plan[1]), len(content))
			wire.WriteString(frame(plan[0]%3, string(content[:n])))
			if plan[0]%3 == 1 {
				stdout.Write(content[:n])
			} else {
				stderr.Write(content[:n])
			}
			content = content[n:]
		}
		s := &Stream{in: iotest.HalfReader(&wire)}
		var got bytes.Buffer
		if _, err := io.CopyBuffer(&got, struct{ io.Reader }{s}, make([]byte, int(piece)+1)); err != nil {
			t.Fatal(err)
		}
		kept := stderr.Bytes()[:min(stderr.Len(), maxStderr)]
		if !bytes.Equal(got.Bytes(), stdout.Bytes()) || failure(s) != strings.TrimSpace(string(kept)) {
			t.Errorf("got %q and %q, want %q and %q", got.Bytes(), failure(s), stdout.Bytes(), kept)
		}
	})
}

// FuzzStreamGarbage reads what no engine sends: it must end.
func FuzzStreamGarbage(f *testing.F) {
	f.Add([]byte(frame(1, "a") + frame(9, "b") + "\x01\x00\x00\x00\xff\xff\xff\xffx"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		s := &Stream{in: bytes.NewReader(wire)}
		if out, _ := io.ReadAll(s); len(out) > len(wire) {
			t.Errorf("%d bytes came of %d", len(out), len(wire))
		}
	})
}
