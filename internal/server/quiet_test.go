package server

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestWhatIsUnavailableIsToldOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	clock := time.Unix(1_000_000, 0)
	bare := slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}})
	log := slog.New(newQuiet(bare, func() time.Time { return clock }))
	away := fmt.Errorf("run 7: %w", actions.Errorf(actions.Unavailable, "away"))
	for range 150 { // seconds
		log.With("part", "db").Error("transaction lost", "err", away)
		log.Warn("push not finished", "repo", 1, "err", away)
		log.Info("transaction lost", "err", actions.Errorf(actions.NotFound, "not there"))
		clock = clock.Add(time.Second)
	}
	log.Error("transaction lost", "err", errors.New("broken"))
	log.Error("transaction lost", "err", errors.New("broken"))
	lines := map[string]int{}
	for line := range strings.Lines(out.String()) {
		lines[strings.TrimSpace(line)]++
	}
	want := map[string]int{
		`msg="transaction lost" part=db err="run 7: away"`:             1,
		`msg="transaction lost" part=db err="run 7: away" repeated=59`: 2,
		`msg="push not finished" repo=1 err="run 7: away"`:             1,
		`msg="push not finished" repo=1 err="run 7: away" repeated=59`: 2,
		`msg="transaction lost" err="not there"`:                       150,
		`msg="transaction lost" err=broken`:                            2,
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
