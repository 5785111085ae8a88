package runner

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	firstWait = 50 * time.Millisecond
	maxWait   = time.Second
	slowWait  = 10 * time.Second // when a server is there and says no, again and again
)

// A backoff waits longer each time, up to a limit. Its zero value is ready.
type backoff struct {
	limit time.Duration // 0 means maxWait
	next  time.Duration
}

// wait returns after the next wait, or with the cause when ctx ends first.
func (b *backoff) wait(ctx context.Context) error {
	limit := b.limit
	if limit == 0 {
		limit = maxWait
	}
	d := min(max(b.next, firstWait), limit)
	b.next = min(2*d, limit)
	d = d*3/4 + rand.N(d/2) // many runners lose the same server at the same time
	return sleep(ctx, d)
}

// after waits as long as is right after err. A server that is away may come back
// soon, and a conflict may end; any other refusal may last.
func (b *backoff) after(ctx context.Context, err error) error {
	b.limit = maxWait
	if !away(err) && statusOf(err) != http.StatusConflict {
		b.limit = slowWait
	}
	return b.wait(ctx)
}

func (b *backoff) reset() { b.next = 0 }

// sleep returns after d, or with the cause when ctx ends first.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// limits bound the repetitions of a call; 0 is no bound but the context.
type limits struct {
	refused int // tries that a server has answered, with an error of its own
	all     int // tries in all
}

// aDay of tries is more than [orphanPatience] and the longest lease: what a job shows and
// how it ended waits for its server as long as the lease lasts.
const aDay = 25 * 60 * 60

// What is worth how many tries. Waits soon take a second, so a try is a second.
// A renewal and an acquisition are bounded by the time that they are good for.
var (
	forRenewal    = limits{}
	forAcquiring  = limits{}
	forCompletion = limits{refused: 600, all: aDay}
	forReports    = limits{refused: 60, all: aDay}
	forResolution = limits{refused: 15, all: 1500}
	forDownloads  = limits{refused: 5, all: 1500}
	forNothing    = limits{refused: 1, all: 1} // when trying has proved useless
)

// retry calls f until it succeeds, fails for good, the limits are reached, or
// ctx ends. It logs when trouble begins and when it is over, not every try.
func retry(ctx context.Context, log *slog.Logger, what string, l limits, f func(context.Context) error) error {
	var b backoff
	refused := 0
	for try := 1; ; try++ {
		err := f(ctx)
		if err == nil {
			if try > 1 {
				log.InfoContext(ctx, "succeeded again", "call", what, "tries", try)
			}
			return nil
		}
		if !away(err) {
			refused++
		}
		switch {
		case ctx.Err() != nil || !transient(err):
			return err
		case try == l.all || refused > 0 && refused == l.refused:
			return fmt.Errorf("after %d tries: %w", try, err)
		case try == 1:
			log.WarnContext(ctx, "will be repeated", "call", what, "err", err)
		}
		if b.wait(ctx) != nil {
			return err
		}
	}
}
