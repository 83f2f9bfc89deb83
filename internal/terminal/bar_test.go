package terminal

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// screen returns what the user sees: the lines above, and the last one as it is now. It
// knows the two escapes that are used, and fails on a line that the terminal would wrap.
func screen(t *testing.T, out string, width int) (above []string, last string) {
	t.Helper()
	for out != "" {
		switch {
		case strings.HasPrefix(out, clearLine):
			last, out = "", out[len(clearLine):]
		case out[0] == '\n':
			above, last, out = append(above, last), "", out[1:]
		default:
			_, size := utf8.DecodeRuneInString(out)
			last, out = last+out[:size], out[size:]
		}
		if uniseg.StringWidth(last) >= max(width, 2) {
			t.Fatalf("line of %d columns: %q", uniseg.StringWidth(last), last)
		}
	}
	return above, last
}

// at draws p as its own timer would. The clock of these tests moves only while they sleep.
func at(p *Progress) {
	p.t.tick(p)
}

func TestBarComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out, _ := newTest(Options{IsTerminal: true})
		p := term.Start("copying the image's store into the volume nixproxy-linux-amd64")
		at(p)
		if _, last := screen(t, out.String(), 80); !strings.HasPrefix(last, "copying the image's store") {
			t.Errorf("before the first Set: %q", last)
		}
		p.Set(50e6, 100e6)
		at(p)
		_, last := screen(t, out.String(), 80)
		if !strings.Contains(last, "(50/100 MB") || !strings.Contains(last, "…") {
			t.Errorf("half way: %q", last)
		}
		p.Set(100e6, 100e6)
		at(p)
		p.Set(100e6, 400e6)
		at(p)
		if _, last := screen(t, out.String(), 80); !strings.Contains(last, "(100/400 MB") {
			t.Errorf("a grown total: %q", last)
		}
		term.Note("by the way")
		above, last := screen(t, out.String(), 80)
		if len(above) != 1 || above[0] != "nixproxy: by the way" || !strings.Contains(last, "(100/400 MB") {
			t.Errorf("with a note: %q, %q", above, last)
		}
		p.End(nil)
		if above, last := screen(t, out.String(), 80); len(above) != 1 || last != "" {
			t.Errorf("after the end: %q, %q", above, last)
		}
		before := out.Len()
		at(p)
		if out.Len() != before {
			t.Errorf("drawn after the end: %q", out.String()[before:])
		}
	})
}

func TestBarBelowAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out, _ := newTest(Options{IsTerminal: true})
		first, second := term.Start("first"), term.Start("second").Items("paths")
		second.Set(3, 10)
		at(first)
		at(second)
		if _, last := screen(t, out.String(), 80); !strings.HasPrefix(last, "second") || !strings.Contains(last, "3/10") {
			t.Errorf("the latest is on top: %q", last)
		}
		second.End(nil)
		at(first)
		if _, last := screen(t, out.String(), 80); !strings.HasPrefix(last, "first") {
			t.Errorf("the first is back: %q", last)
		}
		first.End(nil)
		if _, last := screen(t, out.String(), 80); last != "" {
			t.Errorf("after the end: %q", last)
		}
	})
}

func TestBarFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for width := 1; width < 140; width++ {
			term, out, _ := newTest(Options{IsTerminal: true, Width: width})
			p := term.Start("pulling ghcr.io/lix-project/日本語/lix:2.95.2")
			for _, now := range [][2]int64{{0, 0}, {12, 0}, {12_345_678, 0}, {1, 2}, {1_234_567_890, 98_765_432_100}, {5, 4}, {2, 0}, {9, 3}, {4, 4}, {4, 9}} {
				p.Set(now[0], now[1])
				at(p)
			}
			screen(t, out.String(), width)
			p.End(nil)
		}
	})
}

// When a total becomes known, all that is done must not look like the work of one moment.
func TestBarKeepsItsSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out, _ := newTest(Options{IsTerminal: true})
		p := term.Start("x")
		defer p.End(nil)
		at(p)
		time.Sleep(100 * time.Millisecond)
		p.Set(1_000_000, 0)
		at(p)
		p.Set(1_000_000, 2_000_000)
		at(p)
		if _, last := screen(t, out.String(), 80); strings.Contains(last, "GB/s") || strings.Contains(last, "TB/s") {
			t.Errorf("a speed of %q", last)
		}
	})
}

// Before the first byte, the speed and the time left are unknown, and not shown.
func TestBarOfNothingYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for unit, want := range map[string]string{"bytes": " 0 B/1.0 GB) [0s]", "paths": "(0/1000000000) [0s]"} {
			term, out, _ := newTest(Options{IsTerminal: true})
			p := term.Start("x")
			if unit != "bytes" {
				p.Items(unit)
			}
			p.Set(0, 1_000_000_000)
			at(p)
			if _, last := screen(t, out.String(), 80); !strings.HasSuffix(last, want) {
				t.Errorf("%s: %q", unit, last)
			}
			p.End(nil)
		}
	})
}

func TestBarByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		term, out, _ := newTest(Options{IsTerminal: true})
		quick := term.Start("quick")
		quick.Set(1, 2)
		time.Sleep(barDelay - time.Millisecond)
		quick.End(nil)
		if got := out.String(); got != "" {
			t.Errorf("what is quick flashes %q", got)
		}
		slow := term.Start("slow").Items("paths")
		time.Sleep(barDelay)
		synctest.Wait()
		if _, last := screen(t, out.String(), 80); !strings.HasPrefix(last, "slow") {
			t.Errorf("what is slow shows %q", last)
		}
		slow.Set(1, 2)
		time.Sleep(barInterval)
		synctest.Wait()
		if _, last := screen(t, out.String(), 80); !strings.Contains(last, "1/2") {
			t.Errorf("half way: %q", last)
		}
		slow.End(nil)
		if _, last := screen(t, out.String(), 80); last != "" {
			t.Errorf("after the end: %q", last)
		}
	})
}
