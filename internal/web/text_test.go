package web

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAgesAndDurationsReadWell(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var got []string
	for _, d := range []time.Duration{-time.Hour, 0, time.Second, 59 * time.Second, time.Minute, 119 * time.Minute, 25 * time.Hour, 800 * time.Hour} {
		got = append(got, ago(now.Add(-d), now)+" / "+duration(d))
	}
	want := []string{
		"now / 0s", "now / 0s", "now / 1s", "59 seconds ago / 59s", "1 minute ago / 1m 0s", "1 hour ago / 1h 59m 0s", "1 day ago / 25h 0m 0s",
		"on Oct 19, 2026 / 800h 0m 0s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTimesToComeAndSizesForPeople(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		time.Minute: "in less than an hour", 89 * time.Minute: "in 1 hour", 90 * time.Minute: "in 2 hours", 47*time.Hour - time.Second: "in 47 hours",
		48 * time.Hour: "in 2 days", 90*24*time.Hour - time.Minute: "in 90 days", -time.Hour: "1 hour ago",
	} {
		if got := untilOf(now.Add(d), now).Ago; got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 999_499: "999 kB", 999_500: "1.0 MB", 12_345_678: "12 MB", 1 << 62: "4.6 EB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
