package cron_test

import (
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/cron"
)

func TestASchedulesNextTime(t *testing.T) { // TRG-11
	for _, c := range []struct{ line, zone, after, want string }{
		{"*/15 * * * *", "", "2026-11-30T18:01:00Z", "2026-11-30T18:15:00Z"},
		{"0 0 * * *", "", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"},
		{"30 5 * * 1-5", "", "2026-11-27T06:00:00Z", "2026-11-30T05:30:00Z"},
		{"30 5 * * MON,fri", "", "2026-11-27T05:29:59Z", "2026-11-27T05:30:00Z"},
		{"0 12 13 * FRI", "", "2026-11-28T00:00:00Z", "2026-12-04T12:00:00Z"}, // either
		{"0 12 */2 * FRI", "", "2026-11-28T00:00:00Z", "2026-12-11T12:00:00Z"},
		{"5/20 3 1 JAN *", "", "2026-11-30T18:00:00Z", "2027-01-01T03:05:00Z"},
		{"10-30/10 3 * * *", "", "2026-11-30T03:20:00Z", "2026-11-30T03:30:00Z"},
		{"0 0 29 2 *", "", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"}, // 2100 has none
		{"0 0 31 2 *", "", "2026-11-30T18:00:00Z", ""},
		{"0 9 * * *", "Asia/Tokyo", "2026-11-30T18:00:00Z", "2026-12-01T00:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"}, // clocks go from 2:00 to 3:00
		{"0 3 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z"},
		{"30 2 * * *", "Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"},
		{"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2011-12-30T10:00:00Z"}, // which it skipped
	} {
		s, err := cron.Parse(c.line, c.zone)
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		after, err := time.Parse(time.RFC3339, c.after)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if next := s.Next(after); !next.IsZero() {
			got = next.Format(time.RFC3339)
		}
		if got != c.want {
			t.Errorf("%q in %q after %s: %s, want %s", c.line, c.zone, c.after, got, c.want)
		}
	}
}

func TestATimeThatComesTwiceIsDueOnce(t *testing.T) {
	s, err := cron.Parse("30 2 * * *", "Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	first := s.Next(time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC))
	if second := s.Next(first); second.Sub(first) < 23*time.Hour {
		t.Errorf("due at %s and at %s", first, second)
	}
}

func TestLinesThatAreNoScheduleAreRefused(t *testing.T) { // TRG-11
	for _, line := range []string{
		"", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 7", "TZ=0 * * * *",
		"*/0 * * * *", "*/60 * * * *", "*/-1 * * * *", "5-1 * * * *", "1- * * * *", ", * * * *", "1,,2 * * * *", "1/2/3 * * * *", "+1 * * * *", "** * * * *",
		"* * * FEBR *", "* * * ANF *", "L * * * *", "? * * * *", "1#2 * * * *", "FRI-MON * * * *", "* * * * FRI-MON", "1-2-3 * * * *", "/5 * * * *", "*/+5 * * * *",
	} {
		if _, err := cron.Parse(line, ""); err == nil {
			t.Errorf("%q is a schedule", line)
		}
	}
	for _, zone := range []string{"Local", "Nowhere/City", "../etc/passwd", "/etc/localtime", "UTC\x00", "Europe"} {
		if _, err := cron.Parse("* * * * *", zone); err == nil {
			t.Errorf("%q is a timezone", zone)
		}
	}
}

// Whatever the line, the next time comes in bounded time, is later, and is one of its own.
func FuzzNext(f *testing.F) {
	for _, line := range []string{"* * * * *", "0 0 31 2 *", "*/5 0-3 29 FEB SUN", "59 23 31 12 6", "1,2,3 * */31 * */6"} {
		f.Add(line, "Europe/London", int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, line, zone string, at int64) {
		s, err := cron.Parse(line, zone)
		if err != nil {
			return
		}
		after := time.Unix(at%(1<<36), 0)
		begin := time.Now()
		next := s.Next(after)
		if next.IsZero() {
			return
		}
		if !next.After(after) || next.Second() != 0 && next.Nanosecond() != 0 {
			t.Errorf("%q in %q after %s: %s", line, zone, after, next)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%q took %s", line, took)
		}
	})
}
