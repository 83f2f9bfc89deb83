package input

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

func TestTimeout(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	in := WithTimeout(from).(timeoutReader)
	in.silence = 50 * time.Millisecond
	if _, err := to.WriteString("something"); err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(in)
	if string(content) != "something" || err == nil || !strings.Contains(err.Error(), "nothing came for 50ms") {
		t.Errorf("read %q, %v", content, err)
	}
}

func TestReaderWithTimeoutReadsToTheEnd(t *testing.T) {
	from, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() { to.WriteString("all"); to.Close() }()
	if content, err := io.ReadAll(WithTimeout(from)); string(content) != "all" || err != nil {
		t.Errorf("read %q, %v", content, err)
	}
}
