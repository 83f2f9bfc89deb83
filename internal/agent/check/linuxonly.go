//go:build !linux

package check

import "errors"

func exchange(_, _ string) error { return errors.ErrUnsupported }
