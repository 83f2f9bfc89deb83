package pins

import (
	"testing"

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
			t.Logf("%s: %v", m.point, err) // hidden below another
		}
	}
	if got := unescape(`/a\040b\134\011c\0`); got != "/a b\\\tc\\0" {
		t.Errorf("got %q", got)
	}
}
