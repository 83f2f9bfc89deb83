//go:build linux && acceptance

package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/test/harness"
	"github.com/nixproxy/nixproxy/test/harness/stopwatch"
)

// A Mark is an argument for sleep by which a test knows its own processes, here
// and in containers.
type Mark string

var marks struct {
	sync.Mutex
	made int
}

// NewMark returns a mark that no other test of this machine has.
func NewMark() Mark {
	marks.Lock()
	defer marks.Unlock()
	marks.made++
	return Mark(fmt.Sprintf("3000.%d%04d", os.Getpid(), marks.made))
}

// states are those of the processes that sleep so: S sleeps, T is stopped.
func (m Mark) states() string {
	var states strings.Builder
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		command, _ := os.ReadFile(file)
		argv := strings.Split(string(command), "\x00") // the last one is empty
		if len(argv) != 3 || filepath.Base(argv[0]) != "sleep" || argv[1] != string(m) {
			continue
		}
		stat, err := os.ReadFile(filepath.Join(filepath.Dir(file), "stat"))
		if at := bytes.LastIndexByte(stat, ')'); err == nil && at+2 < len(stat) {
			states.WriteByte(stat[at+2])
		}
	}
	return states.String()
}

// AwaitStates waits until the processes with this mark have these states.
func (m Mark) AwaitStates(t *testing.T, states string) {
	t.Helper()
	late := time.After(harness.Limit)
	m.await(t, states, func() bool { return isOver(late) })
}

// ExpectEnd waits until there is no process with this mark, by a stopwatch.
func (m Mark) ExpectEnd(t *testing.T, limit time.Duration) {
	t.Helper()
	watch := stopwatch.Start(t)
	m.await(t, "", func() bool { return watch.Elapsed() > limit })
}

func (m Mark) await(t *testing.T, states string, late func() bool) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		over := late() // before the last look
		got := m.states()
		if got == states {
			return
		}
		if over {
			t.Fatalf("after %v the states of sleep %s are %q, not %q", time.Since(begin), m, got, states)
		}
	}
}

func isOver(timer <-chan time.Time) bool {
	select {
	case <-timer:
		return true
	default:
		return false
	}
}
