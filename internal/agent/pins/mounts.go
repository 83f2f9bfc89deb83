package pins

import (
	"path/filepath"
	"strings"

	"github.com/moby/sys/mountinfo"

	"github.com/nixproxy/nixproxy/internal/agent/layout"
)

// A mountTable is what is mounted in this container, the later over the earlier.
type mountTable []mounted

type mounted struct {
	point string // where it is
	root  string // which directory of its file system it is
	host  bool   // it is the host's, not the container's own or the volume
}

// origin is where a directory lies in the file system that holds it, and false
// if that is none of the host's. The same path has another origin when something
// else is mounted there, or when a disk is no longer.
func (t mountTable) origin(dir string) (string, bool) {
	var at mounted
	for _, m := range t {
		if layout.IsBelow(dir, m.point) && len(m.point) >= len(at.point) {
			at = m
		}
	}
	return filepath.Join(at.root, strings.TrimPrefix(dir, at.point)), at.host
}

// points are where the host's directories are mounted. They are the same as long
// as the container runs; which directories they are may change.
func (t mountTable) points() []string {
	var points []string
	for _, m := range t {
		if m.host {
			points = append(points, m.point)
		}
	}
	return points
}

// readMounts reads the table of this process, which is empty if it cannot be read.
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

func ofContainer(point, volume string) bool {
	return point == "/" || layout.IsBelow(point, volume) || layout.IsBelow(point, "/proc") || layout.IsBelow(point, "/sys") || layout.IsBelow(point, "/dev")
}
