package engine

import (
	"slices"
	"strings"
)

// fullDisk explains what was said on the engine's side by whoever found its disk
// full: the words leave open whose disk it is. Other words stay as they are.
func fullDisk(said string) string {
	switch {
	case isFull(said):
		return said + ": " + makeRoom
	case strings.Contains(said, "Could not find the file / in container"):
		return said + ": perhaps " + makeRoom // Docker 28.5, with a few megabytes left for what is copied into one
	}
	return said
}

const makeRoom = "the engine's disk is full; make room there (`docker system df` tells what takes it, " +
	"and `nixproxy volume gc` frees what a volume can do without), then try again"

func isFull(said string) bool {
	said = strings.ToLower(said)
	return slices.ContainsFunc([]string{"no space left on device", "database or disk is full"}, // ENOSPC, and SQLite's
		func(words string) bool { return strings.Contains(said, words) })
}

// IsFullDisk tells whether something failed as the engine's disk is full.
func IsFullDisk(err error) bool { return err != nil && isFull(err.Error()) }
