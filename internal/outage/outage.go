// Package outage knows when this server was away: while its process did not run, or did
// nothing.
//
// A process that is killed says nothing, so one that runs writes down every second that
// it does. The next one finds there when the last was there, and adds the time
// between to a short list. Both are in one file of the data directory; a file
// that cannot be read counts as none.
package outage

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	name    = "outages"                  // of the file
	beat    = time.Second                // from one sign of life to the next
	still   = 10 * beat                  // a process that gives none for so long did nothing
	most    = 256                        // spans that are kept, the newest
	layout  = "2006-01-02T15:04:05.000Z" // of a time in the file: all have the same length
	maxFile = 1 << 16                    // bytes
)

// A Span is a time for which the server was away.
type Span struct{ From, To time.Time }

// Length is how long the server was away.
func (s Span) Length() time.Duration { return s.To.Sub(s.From) }

// String is the span in words, with the day once if it is the same: "from 2026-11-20
// 12:43:29 to 12:44:14 UTC".
func (s Span) String() string {
	from, to := s.From.UTC(), s.To.UTC()
	end := "15:04:05 UTC"
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		end = time.DateTime + " UTC"
	}
	return "from " + from.Format(time.DateTime) + " to " + to.Format(end)
}

// Outages is safe for concurrent use. A nil one knows of none.
type Outages struct {
	path string
	now  func() time.Time
	log  *slog.Logger

	mu    sync.Mutex
	last  time.Time // when a process last gave a sign of life; zero if none ever did
	spans []Span
}

// Open reads what is known in a data directory.
func Open(dir string, now func() time.Time, log *slog.Logger) (*Outages, error) {
	o := &Outages{path: filepath.Join(dir, name), now: now, log: log}
	f, err := os.Open(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(io.LimitReader(f, maxFile))
	for first := true; in.Scan(); first = false {
		from, to, _ := strings.Cut(in.Text(), " ")
		if first {
			o.last, _ = time.Parse(layout, from)
			continue
		}
		s := Span{}
		var bad error
		s.From, err = time.Parse(layout, from)
		s.To, bad = time.Parse(layout, to)
		if err == nil && bad == nil && !s.To.Before(s.From) {
			o.spans = append(o.spans, s)
		}
	}
	if in.Err() != nil {
		log.Warn("file of outages not read to its end", "file", o.path, "err", in.Err())
	}
	return o, nil
}

// Back notes that the server is there from now on.
func (o *Outages) Back() error {
	now := o.now()
	o.mu.Lock()
	if !o.last.IsZero() && o.last.Before(now) {
		o.add(Span{o.last, now})
	}
	o.last = now
	o.mu.Unlock()
	return o.write()
}

// add keeps a span. The caller holds mu.
func (o *Outages) add(s Span) {
	o.spans = append(o.spans, s)
	o.spans = slices.Delete(o.spans, 0, max(len(o.spans)-most, 0))
}

// Between lists the spans that have a part of the time between two, in order.
func (o *Outages) Between(from, to time.Time) (spans []Span) {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, s := range o.spans {
		if !s.To.Before(from) && !s.From.After(to) {
			spans = append(spans, s)
		}
	}
	return spans
}

// Run gives signs of life until ctx ends. Call it after [Outages.Back].
func (o *Outages) Run(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := o.live()
		if err != nil && !failed {
			o.log.WarnContext(ctx, "not written down that this server is there", "err", err)
		}
		failed = err != nil
	}
}

// live gives a sign of life.
func (o *Outages) live() error {
	now := o.now()
	o.mu.Lock()
	stood := now.Sub(o.last) > still
	if stood {
		o.add(Span{o.last, now})
	}
	o.last = now
	o.mu.Unlock()
	if stood {
		return o.write()
	}
	f, err := os.OpenFile(o.path, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(now.UTC().Format(layout)), 0)
	return errors.Join(err, f.Close())
}

// write writes the whole file.
func (o *Outages) write() error {
	var b strings.Builder
	o.mu.Lock()
	b.WriteString(o.last.UTC().Format(layout) + "\n")
	for _, s := range o.spans {
		b.WriteString(s.From.UTC().Format(layout) + " " + s.To.UTC().Format(layout) + "\n")
	}
	o.mu.Unlock()
	temp := o.path + ".new"
	if err := os.WriteFile(temp, []byte(b.String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(temp, o.path); err != nil {
		return fmt.Errorf("outages: %w", err)
	}
	return nil
}
