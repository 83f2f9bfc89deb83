package terminal

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nixproxy/nixproxy/internal/hint"
)

// clock stands still until it is moved.
type clock struct{ at time.Time }

func (c *clock) now() time.Time        { return c.at }
func (c *clock) move(by time.Duration) { c.at = c.at.Add(by) }

func newTest(o Options) (*Terminal, *bytes.Buffer, *clock) {
	var out bytes.Buffer
	c := &clock{at: time.Unix(1e9, 0)}
	t := New(&out, o)
	t.now = c.now
	return t, &out, c
}

// everything calls each method once, in the order of the interface.
func everything(t *Terminal, c *clock) {
	t.Note("made volume %s", "v")
	t.Warn("the disk is almost full\nfree some")
	t.Debug("dialled %d", 1)
	p := t.Start("pulling nixos/nix:2.26.3")
	p.Set(10, 0)
	c.move(time.Second)
	p.Set(15_000_000, 60_000_000)
	c.move(5 * time.Second)
	p.Set(30_000_000, 60_000_000)
	c.move(50 * time.Millisecond)
	p.Set(60_000_000, 60_000_000)
	p.End(nil)
	p.End(nil)
	p.Set(1, 2)
	p = t.Start("copying").Items("paths")
	c.move(6 * time.Second)
	p.Set(3, 100)
	c.move(6 * time.Second)
	p.Set(7, 0)
	p.End(errors.New("no space"))
	t.Error(hint.Add(errors.New("copying: no space\x1b[2J"), "free\asome"))
	t.Exit("nixproxy", 125)
}

func TestModes(t *testing.T) {
	for _, test := range []struct {
		name    string
		options Options
		want    []string
	}{
		{"plain", Options{Mode: "plain", IsTerminal: true}, []string{
			"nixproxy: made volume v",
			"nixproxy: warning: the disk is almost full",
			"nixproxy: warning: free some",
			"nixproxy: pulling nixos/nix:2.26.3",
			"nixproxy: pulling nixos/nix:2.26.3: 30.0 MB of 60.0 MB (50%)",
			"nixproxy: pulling nixos/nix:2.26.3: done in 6.0 s",
			"nixproxy: copying",
			"nixproxy: copying: 3 of 100 paths (3%)",
			"nixproxy: copying: 7 paths",
			"nixproxy: copying: failed after 12.0 s",
			"nixproxy: copying: no space?[2J",
			"nixproxy: hint: free?some",
		}},
		{"debug", Options{Mode: "none", Debug: true}, []string{
			"nixproxy: warning: the disk is almost full",
			"nixproxy: warning: free some",
			"nixproxy: debug: dialled 1",
			"nixproxy: copying: no space?[2J",
			"nixproxy: hint: free?some",
		}},
		{"quiet", Options{Quiet: true, Debug: true, IsTerminal: true, NoColor: true}, []string{
			"nixproxy: copying: no space?[2J",
			"nixproxy: hint: free?some",
		}},
		{"json", Options{Mode: "json", Debug: true, IsTerminal: true}, []string{
			`{"event":"note","text":"made volume v"}`,
			`{"event":"warning","text":"the disk is almost full\nfree some"}`,
			`{"event":"debug","text":"dialled 1"}`,
			`{"event":"progress","task":"pulling nixos/nix:2.26.3","current":10,"unit":"bytes"}`,
			`{"event":"progress","task":"pulling nixos/nix:2.26.3","current":15000000,"total":60000000,"unit":"bytes"}`,
			`{"event":"progress","task":"pulling nixos/nix:2.26.3","current":30000000,"total":60000000,"unit":"bytes"}`,
			`{"event":"progress","task":"pulling nixos/nix:2.26.3","current":60000000,"total":60000000,"unit":"bytes"}`,
			`{"event":"done","task":"pulling nixos/nix:2.26.3","seconds":6.05}`,
			`{"event":"progress","task":"copying","current":3,"total":100,"unit":"paths"}`,
			`{"event":"progress","task":"copying","current":7,"unit":"paths"}`,
			`{"event":"done","task":"copying","seconds":12,"error":"no space"}`,
			`{"event":"error","text":"copying: no space\u001b[2J","hint":"free\u0007some"}`,
			`{"event":"exit","by":"nixproxy","status":125}`,
		}},
		{"quiet json", Options{Mode: "json", Quiet: true}, []string{
			`{"event":"error","text":"copying: no space\u001b[2J","hint":"free\u0007some"}`,
			`{"event":"exit","by":"nixproxy","status":125}`,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			term, out, c := newTest(test.options)
			everything(term, c)
			if got, want := out.String(), strings.Join(test.want, "\n")+"\n"; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestJSONIsThrottled(t *testing.T) {
	term, out, c := newTest(Options{Mode: "json"})
	p := term.Start("x")
	for i := range int64(1000) {
		c.move(time.Millisecond)
		p.Set(i, 1000)
	}
	if got := strings.Count(out.String(), "\n"); got != 10 {
		t.Errorf("%d events in a second, want 10", got)
	}
}

func TestColour(t *testing.T) {
	term, out, _ := newTest(Options{IsTerminal: true})
	term.Warn("a")
	term.Error(errors.New("b"))
	if got, want := out.String(), "nixproxy: \x1b[33mwarning:\x1b[0m a\n\x1b[31mnixproxy:\x1b[0m b\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	term, out, _ = newTest(Options{IsTerminal: true, NoColor: true})
	term.Warn("a")
	term.Error(errors.New("b"))
	if got, want := out.String(), "nixproxy: warning: a\nnixproxy: b\n"; got != want {
		t.Errorf("without colour: got %q, want %q", got, want)
	}
}

func TestNothingToSay(t *testing.T) {
	term, out, _ := newTest(Options{Mode: "plain"})
	term.Error(nil)
	term.Exit("command", 0)
	if out.Len() > 0 {
		t.Errorf("got %q", out)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 1_500: "1.5 kB", 99_940: "99.9 kB", 99_960: "100 kB", 999_499: "999 kB", 999_500: "1.0 MB", 130_000_000: "130 MB",
		2_500_000_000_000: "2.5 TB", 9_223_372_036_854_775_807: "9.2 EB",
	} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	for _, mode := range []string{"tty", "plain", "json"} {
		var out bytes.Buffer
		term := New(&out, Options{Mode: mode})
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				p := term.Start("x").Items("paths")
				defer p.End(nil)
				for i := range int64(300) {
					p.Set(i, 300)
					time.Sleep(time.Millisecond)
				}
				term.Note("done")
			})
		}
		all.Wait()
	}
}
