package pins

import (
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

func TestReadMounts(t *testing.T) {
	table := readMounts("/proc/self")
	if len(table) < 2 {
		t.Fatalf("got %+v", table)
	}
	for _, m := range table {
		if m.host && ofContainer(m.point, "/none") {
			t.Errorf("%+v is the host's", m)
		}
		var s unix.Stat_t
		if err := unix.Lstat(m.point, &s); err != nil && m.host {
			t.Logf("%s: %v", m.point, err) // another mount covers it
		}
	}
}

// The table has names as they are, with any character.
func TestMountTableOfStrangeNames(t *testing.T) {
	const line = `79 46 0:48 /sub\040r ` + "/a\\040b\\134\\011c\\0\v\u00a0d" + ` rw,relatime - tmpfs so\040urce rw`
	mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(line), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := mounted{point: "/a b\\\tc\\0\v\u00a0d", root: "/sub r", host: true}
	if got := newMountTable("/none", mounts); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
