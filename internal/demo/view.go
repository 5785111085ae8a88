package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A frame is a run at one point in time.
type frame struct {
	run  run
	jobs []job
	now  time.Time
}

// A view shows a run while it goes: on an interactive terminal as a picture that
// changes in place, elsewhere as a line for each thing that has happened.
type view struct {
	*Terminal
	drawn int               // lines of the picture that stands there
	turn  int               // of the wheel beside what is in progress
	told  map[string]string // what a job or step was told to be, when not interactive
}

func newView(t *Terminal) *view {
	return &view{Terminal: t, told: make(map[string]string)}
}

// A row is one line of the picture: what it is about, how it stands, and how
// long it took.
type row struct {
	depth int // 1 for jobs, 2 for steps
	state string
	name  string
	time  string
	note  string
}

const (
	completed  = "completed"
	inProgress = "in_progress"
	success    = "success"
	failure    = "failure"
	skipped    = "skipped"
	cancelled  = "cancelled"
)

// stateOf is the conclusion of what has one, else the status.
func stateOf(status, conclusion string) string {
	if status == completed && conclusion != "" {
		return conclusion
	}
	return status
}

// show brings the terminal up to date.
func (v *view) show(f *frame) {
	if !v.Interactive {
		v.tell(f)
		return
	}
	_, lines := v.size()
	rows := rowsOf(f, func(j *job) bool { return j.Status == inProgress || j.Conclusion == failure })
	if len(rows)+1 >= lines { // it must fit: what has left the screen cannot be changed
		rows = rowsOf(f, func(*job) bool { return false })
		rows = rows[:max(0, min(len(rows), lines-2))]
	}
	v.turn++
	v.draw(f, rows)
}

// finish shows the run after its end, with all its steps. What was told line by
// line gets a table of the jobs only.
func (v *view) finish(f *frame) {
	if !v.Interactive {
		v.printf("\n")
	}
	v.draw(f, rowsOf(f, func(j *job) bool { return v.Interactive || j.Conclusion != success }))
	v.drawn = 0
	v.close()
}

// close leaves the terminal as it was.
func (v *view) close() {
	if v.Interactive {
		v.printf("\x1b[?25h")
	}
}

// rowsOf makes the rows of all jobs, and of the steps of those that are open.
func rowsOf(f *frame, open func(*job) bool) []row {
	var rows []row
	for i := range f.jobs {
		j := &f.jobs[i]
		r := row{depth: 1, state: stateOf(j.Status, j.Conclusion), name: j.Name, note: j.Runner}
		switch {
		case !j.began.IsZero():
			r.time = took(j.lasted(f.now))
		case j.Status != completed:
			r.time = "waits"
		}
		rows = append(rows, r)
		if !open(j) {
			continue
		}
		for _, s := range j.Steps {
			r := row{depth: 2, state: stateOf(s.Status, s.Conclusion), name: s.Name}
			if !s.began.IsZero() {
				r.time = took(s.lasted(f.now))
			}
			rows = append(rows, r)
		}
	}
	return rows
}

// draw puts the picture where the one before stood.
func (v *view) draw(f *frame, rows []row) {
	width, _ := v.size()
	if !v.Interactive {
		width = 100
	}
	column := 0 // where times begin
	for _, r := range rows {
		column = max(column, 2*r.depth+2+utf8.RuneCountInString(r.name))
	}
	column = min(max(column, 34), max(20, width-24)) // it would jump about when rows come and go
	var b strings.Builder
	if v.Interactive {
		b.WriteString("\x1b[?25l")
		if v.drawn > 0 {
			fmt.Fprintf(&b, "\x1b[%dA", v.drawn)
		}
	}
	end := "\n"
	if v.Interactive {
		end = "\x1b[K\n"
	}
	b.WriteString(v.title(f, width) + end)
	for _, r := range rows {
		b.WriteString(v.row(r, column, width) + end)
	}
	if v.Interactive {
		b.WriteString("\x1b[J")
	}
	v.printf("%s", b.String())
	v.drawn = len(rows) + 1
}

func (v *view) title(f *frame, width int) string {
	state := stateOf(f.run.Status, f.run.Conclusion)
	text := fmt.Sprintf("%s #%d", f.run.Name, f.run.Number)
	rest := fmt.Sprintf(" · %s on %s · %s", f.run.Event, f.run.Branch, strings.ReplaceAll(state, "_", " "))
	return v.mark(state) + " " + v.paint(bold, printable(text)) + v.paint(faint, cut(printable(rest), width-2-utf8.RuneCountInString(text)))
}

func (v *view) row(r row, column, width int) string {
	indent := strings.Repeat("  ", r.depth)
	name := pad(cut(printable(r.name), column-len(indent)-2), column-len(indent)-2)
	rest := fmt.Sprintf("  %9s", r.time)
	if r.note != "" {
		rest += "   " + printable(r.note)
	}
	rest = strings.TrimRight(cut(rest, width-column-1), " ")
	if rest == "" {
		name = strings.TrimRight(name, " ")
	}
	weight := paint("")
	switch {
	case r.state == skipped || r.state == cancelled:
		weight = faint
	case r.depth == 1:
		weight = bold
	}
	if weight != "" {
		name = v.paint(weight, name)
	}
	return indent + v.mark(r.state) + " " + name + v.paint(faint, rest)
}

var wheel = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// mark is the sign of a status or conclusion.
func (v *view) mark(state string) string {
	switch state {
	case success:
		return v.paint(green, "✓")
	case failure, "timed_out", "startup_failure":
		return v.paint(red, "✗")
	case inProgress:
		if v.Interactive {
			return v.paint(yellow, string(wheel[v.turn%len(wheel)]))
		}
		return "●"
	case skipped, cancelled:
		return v.paint(faint, "⊘")
	}
	return v.paint(faint, "○")
}

// tell writes a line for each job and step that is not what it was.
func (v *view) tell(f *frame) {
	for i := range f.jobs {
		j := &f.jobs[i]
		key, state := fmt.Sprint(j.ID), stateOf(j.Status, j.Conclusion)
		was := v.told[key]
		v.told[key] = state
		if was != state && state == inProgress || was == "" && j.Status == completed && ran(j.Conclusion) {
			v.printf("%s: starts on %s\n", printable(j.Name), printable(j.Runner))
		}
		for _, s := range j.Steps {
			key, state := fmt.Sprintf("%d/%d", j.ID, s.Number), stateOf(s.Status, s.Conclusion)
			if s.Status == completed && v.told[key] != state {
				v.printf("%s:   %s %s\n", printable(j.Name), v.mark(state), printable(s.Name))
			}
			v.told[key] = state
		}
		switch words := strings.ReplaceAll(state, "_", " "); {
		case was == state || j.Status != completed:
		case j.began.IsZero():
			v.printf("%s: %s\n", printable(j.Name), words)
		default:
			v.printf("%s: %s after %s\n", printable(j.Name), words, took(j.lasted(f.now)))
		}
	}
}
