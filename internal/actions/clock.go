package actions

import "time"

// ClockTime is a time that a client reports, in UTC: zero if it is none that a
// clock would show, since clients' clocks are wrong, or lie.
func ClockTime(t time.Time) time.Time {
	if y := t.Year(); y < 2000 || y > 2200 {
		return time.Time{}
	}
	return t.UTC()
}
