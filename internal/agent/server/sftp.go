package server

import (
	"fmt"
	"io"

	"github.com/pkg/sftp"

	"github.com/nixproxy/nixproxy/internal/session"
)

// serveSFTP serves files to sftp, and to scp, from the directory in which a
// command would start.
func (a Agent) serveSFTP(s *standard) {
	dir := s.request.Dir
	if dir == "" {
		dir = a.Volume.Home()
	}
	// The server must not close the channel: its exit status comes last.
	stream := struct {
		io.ReadWriter
		io.Closer
	}{s, io.NopCloser(nil)}
	server, err := sftp.NewServer(stream, sftp.WithServerWorkingDirectory(dir))
	if err != nil {
		s.Refuse(session.Refuse(session.Failed, fmt.Errorf("serving sftp: %w", err)))
		return
	}
	_ = server.Serve() // until the client has left
	_ = server.Close()
	s.Exit(session.Exit{}, 0)
}
