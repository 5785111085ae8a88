package web

import (
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A mark is the icon of a run, job or step: one of the symbols of the layout,
// and the words for who cannot see it.
type mark struct {
	Class string // also the symbol's name
	Label string
}

func markOf(s actions.Status, c actions.Conclusion) mark {
	switch s {
	case actions.Completed:
		return conclusionMark(c)
	case actions.InProgress:
		return mark{"running", "In progress"}
	case actions.Queued, actions.Requested:
		return mark{"queued", "Queued"}
	case actions.Waiting:
		return mark{"queued", "Waiting"}
	case actions.Pending:
	}
	return mark{"queued", "Pending"}
}

func conclusionMark(c actions.Conclusion) mark {
	switch c {
	case actions.Success:
		return mark{"success", "Success"}
	case actions.Failure:
		return mark{"failure", "Failure"}
	case actions.StartupFailure:
		return mark{"failure", "Startup failure"}
	case actions.TimedOut:
		return mark{"failure", "Timed out"}
	case actions.ActionRequired:
		return mark{"failure", "Action required"}
	case actions.Cancelled:
		return mark{"cancelled", "Cancelled"}
	case actions.Skipped:
		return mark{"skipped", "Skipped"}
	case actions.Neutral, actions.Stale:
	}
	return mark{"skipped", "Neutral"}
}

// A timestamp is a time as pages show it.
type timestamp struct {
	Machine string // RFC 3339; empty for the zero time
	Ago     string
}

func timestampOf(t, now time.Time) timestamp {
	if t.IsZero() {
		return timestamp{}
	}
	return timestamp{t.UTC().Format(time.RFC3339), ago(t, now)}
}

func ago(t, now time.Time) string {
	d := now.Sub(t)
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit + " ago"
		}
		return fmt.Sprintf("%d %ss ago", n, unit)
	}
	switch {
	case d < 5*time.Second:
		return "now"
	case d < time.Minute:
		return count(int(d/time.Second), "second")
	case d < time.Hour:
		return count(int(d/time.Minute), "minute")
	case d < 24*time.Hour:
		return count(int(d/time.Hour), "hour")
	case d < 30*24*time.Hour:
		return count(int(d/(24*time.Hour)), "day")
	}
	return "on " + t.UTC().Format("Jan 2, 2006")
}

// untilOf is a future time as pages show it, rounded: what is kept for 90 days
// shows as "in 90 days" right after it was made, not as "in 89 days".
func untilOf(t, now time.Time) timestamp {
	m := timestamp{Machine: t.UTC().Format(time.RFC3339)}
	switch d := t.Sub(now); {
	case d < 0:
		m.Ago = ago(t, now)
	case d < time.Hour:
		m.Ago = "in less than an hour"
	case d < 90*time.Minute:
		m.Ago = "in 1 hour"
	case d < 48*time.Hour:
		m.Ago = fmt.Sprintf("in %d hours", d.Round(time.Hour)/time.Hour)
	default:
		m.Ago = fmt.Sprintf("in %d days", d.Round(24*time.Hour)/(24*time.Hour))
	}
	return m
}

// bytesText is a size as pages show it.
func bytesText(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), -1
	for v >= 999.5 && unit < len(units)-1 {
		v /= 1000
		unit++
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %cB", v, units[unit])
	}
	return fmt.Sprintf("%.0f %cB", v, units[unit])
}

// An elapsed is how long something took, or has taken until now.
type elapsed struct {
	Text  string // "1m 5s"; empty for what has not started
	Since int64  // Unix seconds of the start of what goes on, 0 else: the script counts on
}

func elapsedOf(from, to, now time.Time) elapsed {
	switch {
	case from.IsZero():
		return elapsed{}
	case to.IsZero():
		return elapsed{duration(now.Sub(from)), from.Unix()}
	}
	return elapsed{Text: duration(to.Sub(from))}
}

func duration(d time.Duration) string {
	s := int64(max(d, 0).Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm %ds", s/60, s%60)
	}
	return fmt.Sprintf("%dh %dm %ds", s/3600, s/60%60, s%60)
}

func shortSHA(sha string) string { return sha[:min(7, len(sha))] }

// list is "a, b and c".
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
