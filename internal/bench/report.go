package bench

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Row is one line of the table.
type Row struct {
	What      string
	Figure    string
	Goal      string // "" for a figure without one
	Met       bool   // whether the figure reaches the goal
	Reference string // measured in the same run
	Peers     string // what others reach on such a machine
	Values    []Value
}

// String is the row as progress shows it.
func (r Row) String() string {
	text := r.What + ": " + r.Figure
	if r.Goal != "" {
		text += " (goal " + r.goal() + ")"
	}
	if r.Reference != "" {
		text += "; " + r.Reference
	}
	return text
}

func (r Row) goal() string {
	switch {
	case r.Goal == "":
		return ""
	case r.Met:
		return r.Goal + " ✓"
	}
	return r.Goal + ", missed"
}

// A Report is what a run of measurements found, and where.
type Report struct {
	Machine []Fact
	Date    time.Time
	Took    time.Duration
	Rows    []Row
}

// A Fact is something about the machine or the program.
type Fact struct{ Name, Value string }

// Markdown is docs/performance.md.
func (r *Report) Markdown() string {
	var b strings.Builder
	b.WriteString("# Performance\n\n" +
		"`make bench` measures on the machine it runs on and writes this page. The server is a process of its own,\n" +
		"reached over loopback; runners, git and load generators share the processors with it. Peers: Gitea 1.27, from its\n" +
		"default SQLite settings to its best, and act 0.2.89, on a machine like this.\n\n" +
		"| what | figure | goal | measured in the same run | peers |\n| --- | --- | --- | --- | --- |\n")
	for _, row := range r.Rows {
		b.WriteString("| " + strings.Join([]string{row.What, "**" + row.Figure + "**", row.goal(), row.Reference, row.Peers}, " | ") + " |\n")
	}
	b.WriteString("\n| machine | |\n| --- | --- |\n")
	for _, f := range r.Machine {
		fmt.Fprintf(&b, "| %s | %s |\n", f.Name, f.Value)
	}
	fmt.Fprintf(&b, "| date | %s, in %s |\n", r.Date.Format(time.DateOnly), r.Took.Round(time.Second))
	return b.String()
}

// percentile is the value of rank p (0–100) among values, which it sorts.
func percentile[T cmp.Ordered](values []T, p int) T {
	if len(values) == 0 {
		var zero T
		return zero
	}
	slices.Sort(values)
	return values[min(len(values)*p/100, len(values)-1)]
}

func median[T cmp.Ordered](values []T) T { return percentile(values, 50) }

// millis is d as people read it.
func millis(d time.Duration) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	default:
		return fmt.Sprintf("%.0f ms", ms)
	}
}

const mb = 1e6

func megabytes(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/mb) }

// rate is how many a second n in d are.
func rate(n int64, d time.Duration) float64 { return float64(n) / d.Seconds() }
