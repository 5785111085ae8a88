package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestCallsAreRepeatedAsLongAsThatIsWorthIt(t *testing.T) {
	lost := fmt.Errorf("connection: %w", io.ErrUnexpectedEOF)
	code := func(status int) error { return &statusError{"POST /x", status, nil} }
	for _, c := range []struct {
		name     string
		limits   limits
		err      error
		tries    int
		min, max time.Duration
	}{
		{"a report that the server refuses", forReports, code(http.StatusInternalServerError), 60, 40 * time.Second, 80 * time.Second},
		{"a report that it is not ready for", forReports, code(http.StatusServiceUnavailable), aDay, 18 * time.Hour, 32 * time.Hour},
		{"a report without a server", forReports, lost, aDay, 18 * time.Hour, 32 * time.Hour},
		{"a report that was hopeless before", forNothing, lost, 1, 0, 0},
		{"a request that is wrong", forReports, code(http.StatusBadRequest), 1, 0, 0},
		{"an end that the server refuses", forCompletion, code(http.StatusUnauthorized), 600, 7 * time.Minute, 13 * time.Minute},
		{"something final", forRenewal, forGood(lost), 1, 0, 0},
		{"a removed runner", forAcquiring, ErrRemoved, 1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tries, start := 0, time.Now()
				err := retry(t.Context(), testLog(t), "x", c.limits, func(context.Context) error { tries++; return c.err })
				if !errors.Is(err, c.err) || tries != c.tries {
					t.Errorf("%d tries, want %d; %v", tries, c.tries, err)
				}
				if d := time.Since(start); d < c.min || d > c.max {
					t.Errorf("took %v, want %v to %v", d, c.min, c.max)
				}
			})
		})
	}
}

func TestRenewalIsRepeatedUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Hour)
		defer cancel()
		start := time.Now()
		err := retry(ctx, testLog(t), "x", forRenewal, func(context.Context) error { return &statusError{status: http.StatusUnauthorized} })
		if d := time.Since(start); d != 5*time.Hour || statusOf(err) != http.StatusUnauthorized {
			t.Errorf("ended after %v: %v", d, err)
		}
	})
}

func TestServerThatRefusesIsAskedLessOften(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		most int // calls in an hour
		min  int
	}{
		{"away", fmt.Errorf("connection: %w", io.ErrUnexpectedEOF), 4900, 2400},
		{"another session", &statusError{status: http.StatusConflict}, 4900, 2400},
		{"refused", &statusError{status: http.StatusUnauthorized}, 500, 240},
		{"broken", &statusError{status: http.StatusInternalServerError}, 500, 240},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b backoff
				calls, end := 0, time.Now().Add(time.Hour)
				for ; time.Now().Before(end); calls++ {
					if err := b.after(t.Context(), c.err); err != nil {
						t.Fatal(err)
					}
				}
				if calls < c.min || calls > c.most {
					t.Errorf("%d calls in an hour", calls)
				}
				b.reset()
				if start := time.Now(); b.after(t.Context(), c.err) != nil || time.Since(start) > time.Second {
					t.Errorf("after a success, a wait of %v", time.Since(start))
				}
			})
		})
	}
}
