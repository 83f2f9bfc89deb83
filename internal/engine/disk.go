package engine

import (
	"errors"
	"slices"
	"strings"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// explainDisk names the engine's disk in an error of one that found a disk full:
// its words leave open whose disk that is. Other errors stay as they are.
func explainDisk(err error) error {
	switch {
	case isFull(err.Error()):
		return hint.Add(diskError{err, ": the engine's disk is full"}, makeRoom)
	case strings.Contains(err.Error(), "Could not find the file / in container"):
		// Docker 28.5, with a few megabytes left for what is copied into one
		return hint.Add(diskError{err, ": perhaps the engine's disk is full"}, makeRoom)
	}
	return err
}

const makeRoom = "make room there (`docker system df` tells what takes it, " +
	"and `nixproxy volume gc` frees what a volume can do without), then try again"

// A diskError is an error with what it means.
type diskError struct {
	error
	meaning string
}

func (d diskError) Error() string { return d.error.Error() + d.meaning }

func (d diskError) Unwrap() error { return d.error }

// processError is an error of what a process wrote on stderr. It returns nil for
// a process that wrote nothing.
func processError(stderr string) error {
	cause, advice := hint.Parse(stderr)
	if cause == "" {
		return nil
	}
	err := explainDisk(errors.New(cause))
	if advice != "" {
		err = hint.Add(err, "%s", advice) // it knows more than what the disk tells
	}
	return err
}

func isFull(text string) bool {
	text = strings.ToLower(text)
	return slices.ContainsFunc([]string{"no space left on device", "database or disk is full"}, // ENOSPC, and SQLite's
		func(words string) bool { return strings.Contains(text, words) })
}

// IsFullDisk tells whether something failed as the engine's disk is full.
func IsFullDisk(err error) bool { return err != nil && isFull(err.Error()) }
