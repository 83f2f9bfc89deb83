//go:build !linux

package layout

import (
	"errors"
	"os"
)

func linkWhole(string, []byte, os.FileMode) error { return errors.ErrUnsupported }

// Flush needs Linux, where the volume is.
func (Volume) Flush() error { return errors.ErrUnsupported }
