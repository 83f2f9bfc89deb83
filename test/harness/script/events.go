//go:build linux && acceptance

package script

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/nixproxy/nixproxy/test/harness/engine"
)

// events is the command events. events mark: from now on they are counted. events
// N pull|anchor|proxy|throwaway: since then N images were pulled, or N such
// containers made.
func (s *Script) events(args []string) error {
	seen, err := s.engine.CaughtUp(s.eventLog, s.name+"-events")
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] == "mark" {
		s.eventLog.Forget()
		return nil
	}
	if len(args) != 2 {
		return errors.New("want events mark, or events N pull|anchor|proxy|throwaway")
	}
	n := 0
	for _, m := range seen {
		if engine.IsEvent(m, s.name, args[1]) {
			n++
		}
	}
	if strconv.Itoa(n) != args[0] {
		return fmt.Errorf("%d events %s, not %s", n, args[1], args[0])
	}
	return nil
}
