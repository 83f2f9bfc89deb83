//go:build linux && acceptance

package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixproxy/nixproxy/test/harness/fixture"
)

// testBackpressure is about streams whose one end is slower than the other: who
// writes waits, and nothing piles up in between.
func testBackpressure(t *testing.T, p *fixture.Project) {
	for _, transport := range fixture.Transports {
		over := p.Over(transport)
		t.Run("stdout over the "+transport, func(t *testing.T) { expectNoError(t, slowOutput(over)) })
		t.Run("stdin over the "+transport, func(t *testing.T) { expectNoError(t, slowInput(over)) })
	}
}

func expectNoError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

const (
	pressure = 300_000_000 // bytes that are carried
	pileUp   = 32_000_000  // of them may be under way, in pipes, windows and buffers
	waiting  = 500 * time.Millisecond
)

// slowOutput reads a little, waits, and reads the rest.
func slowOutput(p *fixture.Project) error {
	c := p.Command("nixproxy", "run", "--", "head", "-c", strconv.Itoa(pressure), "/dev/zero")
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		return err
	}
	defer c.Process.Kill()
	const little = 1_000_000
	if _, err := io.CopyN(io.Discard, out, little); err != nil {
		return err
	}
	time.Sleep(waiting)
	// As long as the last bytes are unread nixproxy is there.
	if _, err := io.CopyN(io.Discard, out, pressure-2*little); err != nil {
		return err
	}
	flat := expectFlat(p, c.Process.Pid)
	if n, err := io.Copy(io.Discard, out); err != nil || n != little {
		return fmt.Errorf("at last %d bytes, not %d: %w", n, little, err)
	}
	return errors.Join(flat, c.Wait())
}

// slowInput writes as much as is taken, and the rest when the command reads.
func slowInput(p *fixture.Project) error {
	reads := filepath.Join(p.Dir, "reads")
	defer os.Remove(reads)
	c := p.Command("nixproxy", "run", "--", "sh", "-c", `until test -e "$0"; do sleep 0.05; done; test $(wc -c) = "$1"`, reads, strconv.Itoa(pressure))
	theirs, ours, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ours.Close()
	c.Stdin = theirs
	err = c.Start()
	theirs.Close()
	if err != nil {
		return err
	}
	defer c.Process.Kill()
	_ = ours.SetWriteDeadline(time.Now().Add(waiting))
	content := make([]byte, pressure)
	n, err := ours.Write(content)
	if n > pileUp || !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%d bytes were taken that nobody read: %w", n, err)
	}
	_ = ours.SetWriteDeadline(time.Time{})
	if err := os.WriteFile(reads, nil, 0o644); err != nil {
		return err
	}
	if _, err := ours.Write(content[n:]); err != nil {
		return err
	}
	flat := expectFlat(p, c.Process.Pid)
	ours.Close()
	return errors.Join(flat, c.Wait())
}

// expectFlat looks at the most memory that nixproxy and the agent's processes
// have ever had.
func expectFlat(p *fixture.Project, nixproxy int) error {
	problem := expectMemory("nixproxy", strconv.Itoa(nixproxy))
	for _, m := range p.Processes() {
		if mode := m.AgentMode(); mode != "" {
			err := expectMemory("agent "+mode, m.PID)
			if !errors.Is(err, os.ErrNotExist) { // it has ended meanwhile
				problem = errors.Join(problem, err)
			}
		}
	}
	return problem
}

func expectMemory(name, pid string) error {
	const most = 64 << 10
	status, err := os.ReadFile("/proc/" + pid + "/status")
	if errors.Is(err, unix.ESRCH) { // it has ended since the file was opened
		err = os.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	kB := 0
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			_, err = fmt.Sscan(string(value), &kB)
		}
	}
	switch {
	case err == nil && kB == 0: // it is ending, and has given back its memory
		err = fmt.Errorf("%s: %w", name, os.ErrNotExist)
	case err == nil && kB > most:
		err = fmt.Errorf("%s had %d kB of memory, and %d are enough", name, kB, most)
	}
	return err
}
