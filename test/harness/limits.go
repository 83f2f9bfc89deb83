//go:build linux && acceptance

// Package harness holds what the packages below it share: limits, and where files are.
package harness

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

// Limit is how long anything may take. What hangs has failed; what is slow on a
// machine with much else to do has not.
const Limit = 2 * time.Minute

// Longer returns ten times n where NIXPROXY_TEST_LONG says that there is time for that.
func Longer(n int) int {
	if os.Getenv("NIXPROXY_TEST_LONG") != "" {
		return 10 * n
	}
	return n
}

// NewRandom differs at each run. The log tells how NIXPROXY_TEST_SEED repeats one.
func NewRandom(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("NIXPROXY_TEST_SEED"); given != "" {
		if _, err := fmt.Sscan(given, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("NIXPROXY_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// Stderr is what a command that failed wrote to stderr, as exec.Cmd.Output keeps it.
func Stderr(err error) string {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(exit.Stderr)
	}
	return ""
}
