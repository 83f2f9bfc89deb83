package proxy

import (
	"context"
	"errors"
	"testing"
)

func TestTransient(t *testing.T) {
	for err, want := range map[error]bool{
		nil:                              false,
		context.Canceled:                 false,
		errors.New("no such container"):  true,
		&refusedLimits{errors.New("no")}: false,
	} {
		if got := transient(err); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}
