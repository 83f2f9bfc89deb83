package terminal

import (
	"fmt"
	"math"
	"time"
)

const (
	barDelay      = 200 * time.Millisecond // a shorter task shows no bar
	barInterval   = 100 * time.Millisecond
	eventInterval = 100 * time.Millisecond
	lineInterval  = 5 * time.Second
)

// Progress is a task that takes long, shown while it lasts. It is safe for concurrent use,
// and must be ended.
type Progress struct {
	t     *Terminal
	what  string
	began time.Time
	stop  chan struct{} // ends the redrawing of a bar

	// Under t.mu.
	amount   amount
	reported time.Time
	pending  bool // Set was called since the last report
	ended    bool
	bar      *bar
}

// Start shows that a task has begun, such as "pulling nixos/nix:2.26.3". Set counts bytes
// unless Items names another unit.
func (t *Terminal) Start(what string) *Progress {
	p := &Progress{t: t, what: Harmless(what), began: t.now(), amount: amount{unit: "bytes"}, stop: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.options.Quiet:
	case t.mode == "plain":
		p.reported = p.began
		t.print(lines("nixproxy: ", p.what))
	case t.mode == "tty":
		t.bars = append(t.bars, p)
		go p.redraw()
	}
	return p
}

// Bytes sets the unit to bytes, the default.
func (p *Progress) Bytes() *Progress { return p.Items("bytes") }

// Items sets the unit to something else, by its plural such as "paths".
func (p *Progress) Items(name string) *Progress {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.amount.unit = name
	return p
}

// Set reports how much of the total is done. The total may grow; 0 means that it is unknown.
func (p *Progress) Set(done, total int64) {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	if p.ended {
		return
	}
	p.amount.done, p.amount.total, p.pending = done, max(total, 0), true
	if p.due() {
		p.report()
	}
}

// due reports whether it is time for the next report. A bar redraws itself.
func (p *Progress) due() bool {
	since := p.t.now().Sub(p.reported)
	switch {
	case p.t.options.Quiet:
		return false
	case p.t.mode == "json":
		return since >= eventInterval
	}
	return p.t.mode == "plain" && since >= lineInterval
}

func (p *Progress) report() {
	p.reported, p.pending = p.t.now(), false
	a := p.amount
	if p.t.mode == "json" {
		p.t.emit(ProgressEvent{Event: "progress", Task: p.what, Current: a.done, Total: a.total, Unit: a.unit})
		return
	}
	p.t.print(lines("nixproxy: ", p.what+": "+a.String()))
}

// End reports that the task is over, successfully if err is nil. It does not show the error
// itself; Terminal.Error does. A second End does nothing.
func (p *Progress) End(err error) {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	if p.ended {
		return
	}
	p.ended = true
	close(p.stop)
	took := p.t.now().Sub(p.began).Seconds()
	switch {
	case p.t.options.Quiet:
	case p.t.mode == "tty":
		p.t.remove(p)
	case p.t.mode == "plain":
		p.t.print(lines("nixproxy: ", p.what+": "+outcome(err)+fmt.Sprintf(" %.1f s", took)))
	case p.t.mode == "json":
		if p.pending {
			p.report()
		}
		p.t.emit(DoneEvent{Event: "done", Task: p.what, Seconds: math.Round(took*1000) / 1000, Error: message(err)})
	}
}

func outcome(err error) string {
	if err != nil {
		return "failed after"
	}
	return "done in"
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// amount is how much of a task is done at one moment.
type amount struct {
	done, total int64
	unit        string
}

func (a amount) String() string {
	if a.total == 0 {
		return a.count(a.done, true)
	}
	percent := min(100, int(float64(a.done)/float64(a.total)*100))
	return fmt.Sprintf("%s of %s (%d%%)", a.count(a.done, a.unit == "bytes"), a.count(a.total, true), percent)
}

func (a amount) count(n int64, named bool) string {
	switch {
	case a.unit == "bytes":
		return Size(n)
	case named:
		return fmt.Sprintf("%d %s", n, a.unit)
	}
	return fmt.Sprint(n)
}

// Size formats a number of bytes with units of powers of ten, as the bar and the registries
// do: with one digit after the point, or from 100 on with none.
func Size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	size, units := float64(n)/1000, "kMGTPE"
	for size >= 999.5 && len(units) > 1 {
		size, units = size/1000, units[1:]
	}
	if size >= 99.95 {
		return fmt.Sprintf("%.0f %cB", size, units[0])
	}
	return fmt.Sprintf("%.1f %cB", size, units[0])
}
