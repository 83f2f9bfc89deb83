//go:build !linux

package pins

import (
	"context"
	"errors"
)

type linkWatch struct{}

func (*linkWatch) add(_, _ string) {}

// Watch fails, as it needs Linux's inotify.
func (*Pinner) Watch(context.Context) error { return errors.ErrUnsupported }
