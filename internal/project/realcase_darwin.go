package project

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// realCase asks the kernel for the path's name on disk: most Macs' disks ignore case, but
// a mount by another case is another directory to the engine. A path that may not be
// opened keeps its name.
func realCase(path string) (string, error) {
	fd, err := unix.Open(path, unix.O_EVTONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return path, nil
	}
	defer unix.Close(fd)
	return pathOf(fd)
}

// pathOf is fcntl's F_GETPATH. The buffer is pinned because its address goes through an integer.
func pathOf(fd int) (string, error) {
	buffer := make([]byte, unix.PathMax)
	var pinner runtime.Pinner
	pinner.Pin(&buffer[0])
	defer pinner.Unpin()
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETPATH, int(uintptr(unsafe.Pointer(&buffer[0])))); err != nil {
		return "", fmt.Errorf("asking for a path's case: %w", os.NewSyscallError("fcntl", err))
	}
	path, _, _ := bytes.Cut(buffer, []byte{0})
	return string(path), nil
}
