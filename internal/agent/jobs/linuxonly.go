//go:build !linux

package jobs

import "errors"

func replace(_, _ string) error { return errors.ErrUnsupported }

func beHumble() error { return errors.ErrUnsupported }
