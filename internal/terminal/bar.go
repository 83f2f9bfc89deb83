package terminal

import (
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/rivo/uniseg"
	"github.com/schollz/progressbar/v3"
)

// remove takes p's bar off the screen, and shows the next one, if any; t.mu is held.
func (t *Terminal) remove(p *Progress) {
	t.bars = slices.DeleteFunc(t.bars, func(other *Progress) bool { return other == p })
	if t.shown {
		io.WriteString(t.w, clearLine)
		t.shown = false
		t.draw()
	}
}

// redraw keeps the clock, the speed and the spinner moving even without reports.
func (p *Progress) redraw() {
	next := time.NewTimer(barDelay)
	defer next.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-next.C:
			p.t.tick(p)
			next.Reset(barInterval)
		}
	}
}

// tick draws p's bar, unless p has ended meanwhile or a later one is shown.
func (t *Terminal) tick(p *Progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.bars) > 0 && t.bars[len(t.bars)-1] == p {
		p.prepare()
		t.draw()
	}
}

// draw shows the latest bar that has lasted long enough to have one; t.mu is held.
func (t *Terminal) draw() {
	for _, p := range slices.Backward(t.bars) {
		if p.bar != nil {
			io.WriteString(t.w, clearLine+t.fit(p.what, p.bar.tail()))
			t.shown = true
			return
		}
	}
}

// fit joins both to one line. It is a column shorter than the terminal, so that none wraps it.
func (t *Terminal) fit(what, tail string) string {
	room := t.options.Width - 1
	left := max(room-uniseg.StringWidth(tail)-1, min(room/3, uniseg.StringWidth(what)))
	return shorten(shorten(what, left)+" "+tail, room)
}

func shorten(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	for g, used := uniseg.NewGraphemes(s), 0; g.Next(); {
		if used += g.Width(); used > width-1 {
			break
		}
		b.WriteString(g.Str())
	}
	if width > 0 {
		b.WriteString("…")
	}
	return b.String()
}

// bar lets progressbar compute speed, time left and the picture. The progressbars write to
// nothing: only the Terminal writes to the screen, or notes and bars would write over each
// other.
//
// There are two progressbars, both updated from the start, because a total can become known
// later. One made only then would take all that is done for the work of its first moment,
// and show terabytes a second.
type bar struct {
	unit     string
	spinner  *progressbar.ProgressBar // while the total is not known
	measured *progressbar.ProgressBar
	last     amount
}

// unknown is measured's total while the real one is not known; it is not shown then.
const unknown = math.MaxInt64 / 2

// prepare updates the bar to the progress; t.mu is held.
func (p *Progress) prepare() {
	now := p.amount
	if now.total > 0 {
		now.done = min(now.done, now.total)
	}
	if p.bar == nil || !p.bar.follows(now) {
		p.bar = newBar(now.unit, p.t.options.Width)
	}
	p.bar.to(now)
}

func newBar(unit string, width int) *bar {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(io.Discard),
		progressbar.OptionSpinnerType(14),
		progressbar.OptionSetSpinnerChangeInterval(0), // otherwise it draws by itself, for ever
		progressbar.OptionSetElapsedTime(true),
		progressbar.OptionSetTheme(progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "|", BarEnd: "|"}),
		progressbar.OptionSetWidth(max(6, min(20, width/8))),
		progressbar.OptionShowCount(),
	}
	if unit == "bytes" {
		options = append(options, progressbar.OptionShowBytes(true))
	} else {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit))
	}
	return &bar{
		unit:     unit,
		spinner:  progressbar.NewOptions64(-1, append(options, progressbar.OptionShowTotalBytes(false))...),
		measured: progressbar.NewOptions64(unknown, options...),
	}
}

// follows reports whether the bar can move to a. A progressbar can neither go back nor
// continue after its end: it would draw a bar of gigabytes.
func (b *bar) follows(a amount) bool {
	back := a.done < b.last.done || a.total < b.last.total
	return a.unit == b.unit && !back && (a.total == b.last.total || !b.measured.IsFinished())
}

// to moves the bar to a. It ignores errors: they are about numbers, and a bar that is wrong
// for a moment is no reason to fail.
func (b *bar) to(a amount) {
	b.last = a
	_ = b.spinner.Set64(a.done)
	_ = b.spinner.RenderBlank()
	if end := b.end(a); b.measured.GetMax64() != end {
		b.measured.ChangeMax64(end)
	}
	_ = b.measured.Set64(a.done)
	_ = b.measured.RenderBlank()
}

// end returns the total for progressbar. For bytes that is one more than the known total,
// which may still grow when all of it is done: the bar must not end there.
func (b *bar) end(a amount) int64 {
	switch {
	case a.total == 0:
		return unknown
	case b.unit == "bytes":
		return a.total + 1
	}
	return a.total
}

// tail returns the bar's text without the name of the task.
func (b *bar) tail() string {
	picture := b.measured.String()
	if b.last.total == 0 {
		picture = b.spinner.String()
	}
	switch {
	case b.last.done > 0:
	case b.last.total == 0:
		picture = exchange(picture, "(", ")", "")
	default: // before the first byte, no rate and no time left are known
		picture = exchange(exchange(picture, ", ", ")", ")"), ":", "]", "]")
	}
	return strings.Join(strings.Fields(picture), " ")
}

// exchange replaces the first text from begin to end, both included.
func exchange(s, begin, end, by string) string {
	before, rest, found := strings.Cut(s, begin)
	if !found {
		return s
	}
	_, after, _ := strings.Cut(rest, end)
	return before + by + after
}
