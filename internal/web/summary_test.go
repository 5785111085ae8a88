package web

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/markdown"
)

func TestASummaryIsRenderedOnceForAll(t *testing.T) {
	var reads atomic.Int64
	begun, goOn := make(chan bool, 1), make(chan bool)
	s := newSummaries(func(context.Context, string) (string, error) {
		reads.Add(1)
		begun <- true
		<-goOn
		return "**a**", nil
	}, markdown.New())
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if html, err := s.html(t.Context(), "key"); html != "<p><strong>a</strong></p>\n" || err != nil {
				t.Errorf("got %q, %v", html, err)
			}
		})
	}
	<-begun
	close(goOn)
	wg.Wait()
	if n := reads.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}

func TestWhoDoesNotWaitForASummaryDoesNotStopIt(t *testing.T) {
	goOn := make(chan bool)
	s := newSummaries(func(ctx context.Context, _ string) (string, error) {
		<-goOn
		return "a", ctx.Err()
	}, markdown.New())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.html(ctx, "key"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that it was cancelled", err)
	}
	close(goOn)
	if html, err := s.html(t.Context(), "key"); html != "<p>a</p>\n" || err != nil {
		t.Errorf("got %q, %v", html, err)
	}
}

func TestAPageThatWaitedLongEnoughSaysThatASummaryIsNotRendered(t *testing.T) {
	goOn := make(chan bool)
	defer close(goOn)
	s := Site{summaries: newSummaries(func(context.Context, string) (string, error) { <-goOn; return "", nil }, markdown.New())}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	if html, err := s.summaryHTML(ctx, logs.Summary{Key: "key"}); html != noteWait || err != nil {
		t.Errorf("got %q, %v", html, err)
	}
}

func TestASummaryThatCannotBeReadIsTriedAgain(t *testing.T) {
	away := errors.New("away")
	s := newSummaries(func(context.Context, string) (string, error) { return "a", away }, markdown.New())
	if _, err := s.html(t.Context(), "key"); !errors.Is(err, away) {
		t.Errorf("got %v, want %v", err, away)
	}
	away = nil
	if html, err := s.html(t.Context(), "key"); !strings.Contains(html, "a") || err != nil {
		t.Errorf("got %q, %v", html, err)
	}
}
