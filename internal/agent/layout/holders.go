package layout

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Holders returns the processes that have the volume's store open. Each Nix process with
// an open store has a shared lock on db/big-lock, and one that changes the database's
// form waits until no other has it (LocalStore::LocalStore in NixOS/nix
// src/libstore/local-store.cc). Between 2.35 and older versions the form differs by one
// migration, "drop-redundant-indexreferrer".
func (v Volume) Holders() []agentapi.Holder {
	lock, err := os.Stat(v.State("db/big-lock"))
	if err != nil {
		return nil // no Nix was here yet
	}
	var found []agentapi.Holder
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		if hasOpen(dir, lock) {
			found = append(found, holder(dir))
		}
	}
	return found
}

// hasOpen tells whether a process has a file open. It may be a process of another
// container.
func hasOpen(dir string, file os.FileInfo) bool {
	links, _ := filepath.Glob(filepath.Join(dir, "fd/*"))
	for _, link := range links {
		if info, err := os.Stat(link); err == nil && os.SameFile(info, file) {
			return true
		}
	}
	return false
}

// longCommand is how many bytes of a command line are enough to recognize it.
const longCommand = 60

// holder describes the process of a directory in /proc.
func holder(dir string) agentapi.Holder {
	h := agentapi.Holder{}
	h.PID, _ = strconv.Atoi(filepath.Base(dir))
	h.Dir, _ = os.Readlink(filepath.Join(dir, "cwd"))
	line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
	program, arguments, _ := strings.Cut(strings.TrimRight(string(line), "\x00"), "\x00")
	h.Command = strings.Join(strings.Fields(filepath.Base(program)+" "+strings.ReplaceAll(arguments, "\x00", " ")), " ")
	if len(h.Command) > longCommand {
		h.Command = strings.ToValidUTF8(h.Command[:longCommand], "") + "…"
	}
	return h
}
