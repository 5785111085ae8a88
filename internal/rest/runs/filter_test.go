package runs

import (
	"strings"
	"testing"
	"time"
)

// A range of dates is in order and within what can be kept, or refused; and it has the
// moments that were named.
func FuzzARangeOfDatesIsInOrder(f *testing.F) {
	for _, s := range []string{
		"2024-01-02", ">=2024-01-03", ">2024-01-03", "<2024-01-02", "<=2024-01-02", "2024-01-02..2024-01-03", "*..2024-01-03", "2024-01-02..*", "*..*", "..", "*",
		"2024-01-02T03:04:05Z", "2024-01-02T03:04:05+23:59..*", "2024-01-02T03:04", "2024-01-02T03:04:05.999999999Z", "0001-01-01", "<0001-01-01", "9999-12-31", ">9999-12-31T23:59:59Z",
		"2024-02-30", "2024-1-2", ">>2024-01-02", "2024-01-02..2024-01-03..2024-01-04", "٢٠٢٤-01-02", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		from, to, ok := dateRange(text)
		if !ok {
			return
		}
		for _, at := range []time.Time{from, to} {
			if at.Year() < -1 || at.Year() > 10_000 || !time.UnixMicro(at.UnixMicro()).Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("%q has the end %v", text, at)
			}
		}
		if first, last, ok := timeBounds(text); ok {
			if !from.Equal(first) || !to.Equal(last) || !first.Before(last) || last.Sub(first) >= 24*time.Hour {
				t.Errorf("%q is from %v to %v, and on its own from %v to %v", text, from, to, first, last)
			}
		}
		if after, ok := strings.CutPrefix(text, ">="); ok && !from.IsZero() {
			if before, _, _ := dateRange("<" + after); !before.IsZero() {
				t.Errorf("<%s begins at %v", after, before)
			}
			if _, end, _ := dateRange("<" + after); !end.IsZero() && !end.Before(from) {
				t.Errorf("<%s ends at %v, and >= begins at %v", after, end, from)
			}
		}
	})
}
