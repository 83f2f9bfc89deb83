//go:build linux && acceptance

package script

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/nixproxy/nixproxy/test/harness/recorder"
)

// record: from now on requests to the engine go through a recorder. record far:
// through one at an address that is not this machine's loopback.
func (s *Script) record(args []string) error {
	network, address := "unix", filepath.Join(s.Getenv("WORK"), "engine.sock")
	if len(args) > 0 {
		conn, err := net.Dial("udp", "192.0.2.1:9") // sends nothing, and tells which address would be ours
		if err != nil {
			return err
		}
		conn.Close()
		network, address = "tcp", net.JoinHostPort(conn.LocalAddr().(*net.UDPAddr).IP.String(), "0")
	}
	if s.recorder != nil {
		s.recorder.Listener.Close()
	}
	var err error
	if s.recorder, err = recorder.Start(network, address, s.engine.Socket()); err != nil {
		return err
	}
	s.Setenv("DOCKER_HOST", network+"://"+s.recorder.Listener.Addr().String())
	return nil
}

// recorded N CMD [ARG...]: CMD succeeds with at most N requests to the engine,
// and with one at least unless N is 0. How long it takes makes no difference.
func (s *Script) recorded(args []string) error {
	most, err := strconv.Atoi(args[0])
	if err != nil || s.recorder == nil {
		return errors.New("want record, and then recorded N CMD [ARG...]")
	}
	s.recorder.Take()
	if s.recorder.Total() == 0 && most == 0 {
		return errors.New("nothing was recorded before: no request would be no wonder")
	}
	if err := s.Exec(args[1], args[2:]...); err != nil {
		return err
	}
	requests := slices.DeleteFunc(s.recorder.Take(), isWatch)
	s.Logf("requests: %q", requests)
	if len(requests) > most || len(requests) == 0 && most > 0 {
		return fmt.Errorf("%d requests: %q", len(requests), requests)
	}
	return nil
}

// isWatch knows the request by which a bridge that is in use for a second is watched
// over: on a busy machine that is one for the shortest command.
func isWatch(request string) bool { return strings.HasSuffix(request, "/wait") }
