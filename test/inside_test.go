package test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// A machineProcess is a process as the machine's /proc shows it.
type machineProcess struct {
	pid  string
	argv []string
}

func (m machineProcess) String() string { return m.pid + " " + strings.Join(m.argv, " ") }

// agentMode is which of the agent's processes this is, such as serve; empty for
// all others.
func (m machineProcess) agentMode() string {
	if len(m.argv) > 1 && m.argv[0] == "/nixproxy/agent" {
		return m.argv[1]
	}
	return ""
}

// processes are those of the place's container: they have its project among
// their mounts. The machine's own have not.
func (p *place) processes() []machineProcess {
	var found []machineProcess
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		mounts, _ := os.ReadFile(filepath.Join(dir, "mountinfo")) // a zombie's cannot be read
		if !bytes.Contains(mounts, []byte(" "+p.dir+" ")) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		argv := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		found = append(found, machineProcess{filepath.Base(dir), argv})
	}
	return found
}

// ofSessions are the processes that would not be there without a session. A
// keeper without a process to keep ends, or waits for the next session.
func (p *place) ofSessions() []machineProcess {
	return slices.DeleteFunc(p.processes(), func(m machineProcess) bool {
		return m.agentMode() == "serve" || m.agentMode() == "supervise"
	})
}

// gone is how long a session's processes may outlive its client.
const gone = 2 * time.Second

// expectNothingLeft waits until the sessions' processes are gone, but for some.
func (p *place) expectNothingLeft(t *testing.T, but ...machineProcess) {
	t.Helper()
	since, watch, late := time.Now(), startStopwatch(t), false
	for {
		left := slices.DeleteFunc(p.ofSessions(), func(m machineProcess) bool {
			return slices.ContainsFunc(but, func(b machineProcess) bool { return b.pid == m.pid })
		})
		if len(left) == 0 {
			return
		}
		if late {
			t.Errorf("%v after its client a session has %v", time.Since(since).Round(time.Millisecond), left)
			return
		}
		late = watch.elapsed() > gone
		time.Sleep(20 * time.Millisecond)
	}
}

// expectOneKeeper waits until no keeper is there but the one for the next session.
func (p *place) expectOneKeeper(t *testing.T) {
	t.Helper()
	keepers := 0
	for deadline := time.Now().Add(slowest); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		keepers = 0
		for _, m := range p.processes() {
			if m.agentMode() == "supervise" {
				keepers++
			}
		}
		if keepers == 1 {
			return
		}
	}
	t.Errorf("there are %d keepers", keepers)
}
