package artifactcli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// A Terminal is where a command writes.
type Terminal struct {
	Out         io.Writer  // what was asked for
	Notes       io.Writer  // what goes on
	Interactive bool       // a line of Notes can be written anew
	Width       func() int // of an interactive one; 0 when it is not known
}

const (
	frame = 100 * time.Millisecond
	plain = 10 * time.Second // between lines where there is no bar
)

// A bar shows how far a download is: as one line that changes, or as a line now
// and then.
type bar struct {
	t     *Terminal
	label string
	total int64
	done  atomic.Int64
	now   func() time.Time

	began time.Time
	last  time.Time // of the frame before
	at    int64
	speed float64 // bytes per second, smoothed

	stop chan struct{}
	end  sync.WaitGroup
}

// show shows a bar until its close.
func show(t *Terminal, label string, total int64, now func() time.Time) *bar {
	b := &bar{t: t, label: label, total: total, now: now, began: now(), stop: make(chan struct{})}
	b.last = b.began
	b.end.Go(b.run)
	return b
}

// move is called for bytes that came; it may be called by many at once.
func (b *bar) move(n int64) { b.done.Add(n) }

func (b *bar) run() {
	every := plain
	if b.t.Interactive {
		every = frame
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			if b.t.Interactive {
				fmt.Fprint(b.t.Notes, "\r\x1b[K")
			}
			return
		case <-tick.C:
			b.measure()
			if b.t.Interactive {
				width := 0
				if b.t.Width != nil {
					width = b.t.Width()
				}
				fmt.Fprint(b.t.Notes, "\r"+b.line(width)+"\x1b[K")
			} else {
				fmt.Fprintf(b.t.Notes, "%s: %s of %s\n", b.label, bytesText(b.done.Load()), bytesText(b.total))
			}
		}
	}
}

// close removes the bar.
func (b *bar) close() {
	close(b.stop)
	b.end.Wait()
}

func (b *bar) measure() {
	now, at := b.now(), b.done.Load()
	d := now.Sub(b.last).Seconds()
	if d <= 0 {
		return
	}
	const weight = 0.2
	if speed := max(0, float64(at-b.at)) / d; b.speed == 0 {
		b.speed = speed
	} else {
		b.speed += weight * (speed - b.speed)
	}
	b.last, b.at = now, at
}

// line is the bar in at most width columns.
func (b *bar) line(width int) string {
	if width <= 0 {
		width = 80
	}
	done := min(max(b.done.Load(), 0), b.total)
	percent := int64(100)
	if b.total > 0 {
		percent = int64(float64(done) / float64(b.total) * 100)
	}
	right := fmt.Sprintf("%3d%%  %9s  %11s", percent, bytesText(done), bytesText(int64(b.speed))+"/s")
	switch left := b.total - done; {
	case left == 0:
		right += "  checking"
	case b.speed > 0:
		right += "  " + durationText(time.Duration(float64(left)/b.speed*float64(time.Second)))
	}
	room := width - 1 - utf8.RuneCountInString(right) - 2
	if room < 8 {
		return cut(right, width-1)
	}
	label := cut(b.label, max(room/3, 8))
	cells := min(room-utf8.RuneCountInString(label)-1, 40)
	if cells < 4 {
		return label + "  " + right
	}
	return label + " " + cellsOf(cells, done, b.total) + "  " + right
}

// cellsOf is the bar itself, in eighths of a cell.
func cellsOf(cells int, done, total int64) string {
	eighths := cells * 8
	if total > 0 {
		eighths = int(float64(done) / float64(total) * float64(eighths))
	}
	text := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		text += string([]rune(" ▏▎▍▌▋▊▉")[eighths%8])
	}
	return text + strings.Repeat("░", cells-utf8.RuneCountInString(text))
}

func cut(text string, most int) string {
	if r := []rune(text); len(r) > most {
		return string(r[:max(most-1, 0)]) + "…"
	}
	return text
}
