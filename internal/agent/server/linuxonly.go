//go:build !linux

package server

import (
	"errors"
	"os"

	"golang.org/x/crypto/ssh"
)

func becomeSubreaper() error { return errors.ErrUnsupported }

func socketPair() (ours, theirs *os.File, err error) { return nil, nil, errors.ErrUnsupported }

func withoutBlockedSignals(func() (int, error)) (int, error) { return 0, errors.ErrUnsupported }

func widen(*os.File) {}

func pending(interface{ Control(func(uintptr)) error }) int { return 0 }

func applyModes(*os.File, ssh.TerminalModes) error { return errors.ErrUnsupported }
