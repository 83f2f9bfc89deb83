//go:build !linux

package gc

import "errors"

func lowerPriority() error { return errors.ErrUnsupported }
