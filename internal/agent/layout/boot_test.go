package layout

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestOncePerBoot(t *testing.T) {
	v := Volume(t.TempDir())
	if err := v.Prepare(); err != nil {
		t.Fatal(err)
	}
	const first, second = "0f0c6ea5-first\n", "b51d9f3e-second\n"
	for _, step := range []struct {
		boot, file string // what is in the file before, if it is another than was left
		fails      error
		done       bool
	}{
		{boot: first, done: true},
		{boot: first},
		{boot: second, fails: errors.New("no"), done: true},
		{boot: second, done: true},
		{boot: second},
		{boot: second, file: second[:7], done: true}, // cut by a loss of power
		{boot: second, file: second + second, done: true},
		{boot: second, file: strings.Repeat("\x00", len(second)), done: true},
		{boot: second},
		{boot: first, done: true},
	} {
		if step.file != "" {
			if err := os.WriteFile(v.Own("boot"), []byte(step.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		done := false
		err := v.oncePer([]byte(step.boot), func() error { done = true; return step.fails })
		if done != step.done || !errors.Is(err, step.fails) {
			t.Errorf("%+v: done: %v, %v", step, done, err)
		}
	}
}
