package layout

import (
	"fmt"
	"os/exec"
	"reflect"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/nixstore"
)

func TestProcessesHoldWhatTheyShow(t *testing.T) {
	c := exec.Command("sleep", "60")
	c.Env = []string{"LIB=a:" + string(aPath) + "/lib:b"}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) { // until the kernel has made it sleep
		got := pathsOf(fmt.Sprintf("/proc/%d", c.Process.Pid))
		if reflect.DeepEqual(got, nixstore.Set{aPath: true}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("got %v", got)
		}
	}
}
