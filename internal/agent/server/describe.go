package server

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/nixproxy/nixproxy/internal/agentapi"
)

// Describe reads views from in, and writes what this container sees there, for the
// host to compare. It changes nothing.
func Describe(in io.Reader, out io.Writer) error {
	var views []agentapi.View
	if err := json.NewDecoder(in).Decode(&views); err != nil {
		return fmt.Errorf("reading the paths to describe: %w", err)
	}
	facts := make([][]string, 0, len(views))
	for _, v := range views {
		facts = append(facts, v.Facts())
	}
	return json.NewEncoder(out).Encode(facts)
}
