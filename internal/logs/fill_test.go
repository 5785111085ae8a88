package logs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const fillNote = "##[notice]A part of the log of this step did not arrive. Its lines are those in the log of the job.\n"

// A longJob has a step whose log has four pieces between two short ones.
func longJob(f *logstest.Fixture, p *printer) (j *actions.Job, long *actions.Step, pieces []string) {
	j = f.Job("build")
	ran := func(number int, name string, lines int) *actions.Step {
		p.now = p.now.Add(20 * time.Microsecond)
		from := p.now.Truncate(time.Millisecond)
		for i := range lines {
			p.print(name, fmt.Sprintf("line %d %s", i, strings.Repeat("x", 1000)))
		}
		return f.Ran(j, number, name, from, p.now.Truncate(time.Millisecond))
	}
	before := ran(1, "before", 3)
	long = ran(2, "long", 4000)
	after := ran(3, "after", 3)
	put(f.T, f.Logs, j, before.GUID, 1, p.steps["before"].String())
	put(f.T, f.Logs, j, after.GUID, 1, p.steps["after"].String())
	lines := strings.SplitAfter(p.steps["long"].String(), "\n")
	for at := 0; at < 4000; at += 1000 {
		pieces = append(pieces, strings.Join(lines[at:at+1000], ""))
	}
	return j, long, pieces
}

// short is a text without times and what makes its lines long.
func short(text string) string {
	return strings.ReplaceAll(plain(text), strings.Repeat("x", 1000), "")
}

func TestTheLogOfTheJobFillsInForPiecesThatDidNotArrive(t *testing.T) { // LOG-6
	for name, arrived := range map[string][]int{
		"the first is missing": {1, 2, 3}, "one within": {0, 2, 3}, "two within": {0, 3}, "the last": {0, 1, 2}, "all but one": {2},
	} {
		f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
		j, long, pieces := longJob(f, p)
		put(t, f.Logs, j, j.GUID, 1, p.whole.String())
		for _, i := range arrived {
			put(t, f.Logs, j, long.GUID, int64(i+1), pieces[i])
		}
		want := short(p.steps["long"].String()) + fillNote
		if got := short(stepLog(t, f.Logs, j, long.GUID)); got != want {
			t.Errorf("%s: %.2000s", name, cmp.Diff(want, got))
		}
		r, size, err := f.Logs.OpenJob(t.Context(), j)
		if got, want := short(read(t, r, size, err)), short(p.steps["before"].String())+want+short(p.steps["after"].String()); got != want {
			t.Errorf("%s: the job: %.2000s", name, cmp.Diff(want, got))
		}
	}
}

// Pieces that are there stay, as they came, whatever is sent as the log of the job.
func TestTheLogOfTheJobTakesNothingOutOfThatOfAStep(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, long, pieces := longJob(f, p)
	whole := p.whole.String()
	for _, hole := range [][2]int{{900, 1500}, {2500, 2600}} { // lost with pieces of its own
		lines := strings.SplitAfter(whole, "\n")
		whole = strings.Join(append(lines[:hole[0]:hole[0]], lines[hole[1]:]...), "")
	}
	whole += strings.Repeat("a line of somebody\n", 5000)
	put(t, f.Logs, j, j.GUID, 1, whole)
	put(t, f.Logs, j, long.GUID, 1, pieces[0])
	put(t, f.Logs, j, long.GUID, 3, pieces[2])
	got := stepLog(t, f.Logs, j, long.GUID)
	for _, i := range []int{0, 2} {
		if !strings.Contains(got, pieces[i]) {
			t.Errorf("piece %d is not as it came", i)
		}
	}
	if twice := strings.Count(got, " line 999 ") + strings.Count(got, " line 2999 "); twice > 2 {
		t.Errorf("lines are there twice")
	}
}

func TestALogThatIsWholeIsNotChanged(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, long, pieces := longJob(f, p)
	put(t, f.Logs, j, j.GUID, 1, p.whole.String()+"and what only the job printed\n")
	for i := range pieces {
		put(t, f.Logs, j, long.GUID, int64(i+1), pieces[i])
	}
	if got := stepLog(t, f.Logs, j, long.GUID); got != p.steps["long"].String() {
		t.Error("the log of the step is not as it came")
	}
}
