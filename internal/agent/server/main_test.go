package server

import (
	"fmt"
	"os"
	"testing"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// The agent of these tests is this binary, and so are its keepers.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == agentapi.ModeSupervise {
		if err := Keep(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}
