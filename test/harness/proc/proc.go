//go:build linux && acceptance

// Package proc finds processes of this machine, those in containers among them, by /proc.
package proc

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Process is a process as the machine's /proc shows it.
type Process struct {
	PID  string
	Argv []string
}

// Mentioning finds the processes with a volume of this run in their mounts
// (agents, and what they started) or in their environment (nixproxy).
func Mentioning(prefix string) []string {
	var found []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if dir == fmt.Sprintf("/proc/%d", os.Getpid()) {
			continue
		}
		for _, file := range []string{"mountinfo", "environ"} {
			content, _ := os.ReadFile(filepath.Join(dir, file))
			if bytes.Contains(content, []byte(prefix)) && !isEngine(dir) {
				command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
				found = append(found, filepath.Base(dir)+" "+strings.ReplaceAll(string(command), "\x00", " "))
				break
			}
		}
	}
	return found
}

// isEngine knows the processes of an engine: they see all volumes.
func isEngine(dir string) bool {
	name, _ := os.ReadFile(filepath.Join(dir, "comm"))
	return strings.Contains(string(name), "dockerd") || strings.Contains(string(name), "containerd")
}

func (m Process) String() string { return m.PID + " " + strings.Join(m.Argv, " ") }

// AgentMode is which of the agent's processes this is, such as serve; empty for
// all others.
func (m Process) AgentMode() string {
	if len(m.Argv) > 1 && m.Argv[0] == "/nixproxy/agent" {
		return m.Argv[1]
	}
	return ""
}

// WithMount are those that have a directory among their mounts.
func WithMount(dir string) []Process {
	var found []Process
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range dirs {
		mounts, _ := os.ReadFile(filepath.Join(process, "mountinfo")) // a zombie's cannot be read
		if !bytes.Contains(mounts, []byte(" "+dir+" ")) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(process, "cmdline"))
		argv := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		found = append(found, Process{filepath.Base(process), argv})
	}
	return found
}
