package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// endDescendants ends all processes below this one. None escapes by its parent's
// death, as this process is a subreaper. It never returns: an empty list does not prove
// that all are gone, as a list that is read while a parent ends lacks the children. The
// goroutine that reaps the processes ends this one after the last.
func endDescendants() {
	for _, pid := range descendants(os.Getpid()) {
		_ = unix.Kill(pid, unix.SIGHUP)
		_ = unix.Kill(pid, unix.SIGCONT) // a stopped process handles no signal
	}
	time.Sleep(hangupGrace)
	for pause := time.Millisecond; ; pause = min(2*pause, time.Second) {
		for _, pid := range descendants(os.Getpid()) {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(pause)
	}
}

// descendants returns the processes below one, with those that wait to be reaped: a
// zombie may have threads that live on.
func descendants(of int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		if pid, parent, ok := readStat(file); ok {
			children[parent] = append(children[parent], pid)
		}
	}
	var all []int
	for next := children[of]; len(next) > 0; {
		pid := next[0]
		next = append(next[1:], children[pid]...)
		all = append(all, pid)
	}
	return all
}

// readStat reads /proc/PID/stat. Its second field is the program's name in
// parentheses, which may contain anything (proc(5)).
func readStat(file string) (pid, parent int, ok bool) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, false // it has ended
	}
	first, _, _ := bytes.Cut(content, []byte(" "))
	rest := bytes.Fields(content[bytes.LastIndexByte(content, ')')+1:])
	if len(rest) < 2 {
		return 0, 0, false
	}
	pid, err = strconv.Atoi(string(first))
	if err != nil {
		return 0, 0, false
	}
	parent, err = strconv.Atoi(string(rest[1]))
	return pid, parent, err == nil
}
