package server

import (
	"errors"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sendFiles sends files over a unix socket, with one byte (unix(7), SCM_RIGHTS).
func sendFiles(to *net.UnixConn, files []*os.File) error {
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	_, _, err := to.WriteMsgUnix([]byte{0}, unix.UnixRights(fds...), nil)
	return err
}

// receiveFiles receives three files from sendFiles.
func receiveFiles(from *net.UnixConn) ([]*os.File, error) {
	control := make([]byte, unix.CmsgSpace(3*4))
	_, n, _, _, err := from.ReadMsgUnix(make([]byte, 1), control)
	if err != nil {
		return nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(err, errors.New("no files came"))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, fd := range fds {
		unix.CloseOnExec(fd)
		files = append(files, os.NewFile(uintptr(fd), "stdio"))
	}
	return files, nil
}
