package session

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestRequestRoundTrip(t *testing.T) {
	for _, want := range []Request{
		{},
		{Argv: []string{"nix", "build", ".#x", ""}, Dir: "/p", Env: []string{"A=b\nc", "D="}, Nix: "x = y\n", Session: 3, Secrets: Secrets{Nix: "a = b", Netrc: []byte("machine x")},
			Terminal: &Terminal{Size: Size{Columns: 80, Rows: 24}, Modes: ssh.TerminalModes{ssh.ECHO: 1}}, Idle: time.Minute},
		{Argv: []string{"<>&\u2028 \t\"\\", "\x00", strings.Repeat("long ", 1<<18)}},
	} {
		var wire bytes.Buffer
		if err := writeRequest(&wire, want); err != nil {
			t.Fatal(err)
		}
		wire.WriteString("stdin")
		reader := iotest.OneByteReader(&wire)
		got, err := readRequest(reader)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %.200v, %v; want %.200v", got, err, want)
		}
		if rest, _ := io.ReadAll(reader); string(rest) != "stdin" {
			t.Errorf("of the stdin that follows %q is left", rest)
		}
	}
}

func TestRequestLimits(t *testing.T) {
	var wire bytes.Buffer
	err := writeRequest(&wire, Request{Argv: []string{strings.Repeat("x", maxRequestBytes)}})
	if err == nil || !strings.Contains(err.Error(), "the limit is 16777216") || wire.Len() > 0 {
		t.Errorf("a request over the limit: %v, and %d bytes were sent", err, wire.Len())
	}
	// A length over the limit is refused before room is made for it.
	wire.Write(binary.BigEndian.AppendUint32(nil, maxRequestBytes+1))
	if _, err := readRequest(&wire); err == nil || !strings.Contains(err.Error(), "over the limit") {
		t.Errorf("got %v", err)
	}
	for cut, want := range map[string]error{"": io.EOF, "\x00": io.ErrUnexpectedEOF, "\x00\x00\x00\x02": io.EOF, "\x00\x00\x00\x02{": io.ErrUnexpectedEOF} {
		if _, err := readRequest(strings.NewReader(cut)); !errors.Is(err, want) {
			t.Errorf("after %q: got %v, want %v", cut, err, want)
		}
	}
	if err := writeRequest(brokenWriter{}, Request{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a broken connection: %v", err)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzReadRequest(f *testing.F) {
	for _, body := range []string{"{}", `{"argv":["a","b"],"dir":"/","env":["K=V"],"nix":"x","image":"y"}`, "[]", "null", "{", ""} {
		f.Add(append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...))
	}
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		first, err := readRequest(bytes.NewReader(wire))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := writeRequest(&again, first); err != nil {
			t.Fatal(err)
		}
		second, err := readRequest(&again)
		if err != nil || len(second.Argv) != len(first.Argv) || second.Dir != first.Dir || again.Len() != 0 {
			t.Errorf("%+v came back as %+v, %v", first, second, err)
		}
	})
}

func FuzzRequestRoundTrip(f *testing.F) {
	f.Add("nix", "--version", "/p", "A=b")
	f.Add("", "\x00", "\u2028", "=")
	f.Add("ls", "caf\xe9", "/\xff", "A=\xfe") // Linux's names are bytes
	f.Fuzz(func(t *testing.T, name, argument, dir, variable string) {
		want := Request{Argv: []string{name, argument}, Dir: dir, Env: []string{variable}}
		var wire bytes.Buffer
		if err := writeRequest(&wire, want); err != nil {
			t.Fatal(err)
		}
		if got, err := readRequest(&wire); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	})
}
