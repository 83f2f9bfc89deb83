package pins

import (
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// A mountTable lists the mounts of this container. A later one covers an earlier one.
type mountTable []mounted

type mounted struct {
	point string // the mount point
	root  string // the directory of its file system that is mounted
	host  bool   // it is the host's, not the container's own or the volume
}

// origin returns a directory's path in the file system that holds it, and false if that
// is not the host's. The origin of a path changes when something else is mounted there,
// or when a disk is unmounted.
func (t mountTable) origin(dir string) (string, bool) {
	var at mounted
	for _, m := range t {
		if layout.IsBelow(dir, m.point) && len(m.point) >= len(at.point) {
			at = m
		}
	}
	return filepath.Join(at.root, strings.TrimPrefix(dir, at.point)), at.host
}

// points returns the mount points of the host's directories. They stay the same as long as
// the container runs, but another directory may be mounted at one.
func (t mountTable) points() []string {
	var points []string
	for _, m := range t {
		if m.host {
			points = append(points, m.point)
		}
	}
	return points
}

// readMounts reads this process's mount table. It is empty if it cannot be read.
func readMounts(v layout.Volume) mountTable {
	mounts, _ := mountinfo.GetMounts(nil)
	return newMountTable(v, mounts)
}

func newMountTable(v layout.Volume, mounts []*mountinfo.Info) mountTable {
	var table mountTable
	for _, m := range mounts {
		table = append(table, mounted{point: m.Mountpoint, root: m.Root, host: !ofContainer(m.Mountpoint, string(v))})
	}
	return table
}

// ofContainer tells whether a mount point is the container's own, or the volume's.
func ofContainer(point, volume string) bool {
	return point == "/" || layout.IsBelow(point, volume) || layout.IsBelow(point, "/proc") || layout.IsBelow(point, "/sys") || layout.IsBelow(point, "/dev")
}
