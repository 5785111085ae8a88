package logs_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A printer prints as GitHub's runner does: each line in the log of its step, and a
// moment later in that of the job.
type printer struct {
	now   time.Time
	pace  time.Duration // from line to line
	steps map[string]*strings.Builder
	whole strings.Builder
}

func newPrinter() *printer {
	return &printer{now: time.Now().UTC().Add(-time.Hour).Truncate(time.Second).Add(685_990_900), pace: 310 * time.Microsecond, steps: map[string]*strings.Builder{}}
}

func (p *printer) print(step string, lines ...string) {
	if p.steps[step] == nil {
		p.steps[step] = &strings.Builder{}
	}
	for _, line := range lines {
		p.now = p.now.Add(p.pace)
		fmt.Fprintf(p.steps[step], "%s %s\n", p.now.Format(wire.LogTime), line)
		fmt.Fprintf(&p.whole, "%s %s\n", p.now.Add(4*time.Microsecond).Format(wire.LogTime), line)
	}
}

// plain is a text without times.
func plain(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.Write(wire.CutLogTime([]byte(line)))
	}
	return b.String()
}

const cutNote = "##[notice]The log of this step did not arrive. These are its lines in the log of the job.\n"

// A ranJob has four steps, each of which began in the millisecond in which the one
// before it ended, and one that was skipped. Their times are given as exactly as that.
func ranJob(f *logstest.Fixture, p *printer, exact time.Duration) (*actions.Job, []*actions.Step) {
	j := f.Job("build")
	var steps []*actions.Step
	p.print("", "Before the first step")
	for i, name := range []string{"Set up job", "Compile", "Test", "Complete job"} {
		from := p.now.Add(20 * time.Microsecond).Truncate(exact)
		p.print(name, name+" begins", "entry of\nseveral lines", "", "##[group]"+name, name+" ends")
		steps = append(steps, f.Ran(j, 2*i+1, name, from, p.now.Truncate(exact)))
	}
	skipped := &actions.Step{
		JobID: j.ID, GUID: "22222222-2222-4222-8222-222222222222", Number: 4, Name: "Skipped",
		Status: actions.Completed, Conclusion: actions.Skipped, StartedAt: p.now, CompletedAt: p.now,
	}
	if err := f.Store.Update(f.T.Context(), func(tx *store.Tx) error { return tx.SaveStep(f.T.Context(), j, skipped) }); err != nil {
		f.T.Fatal(err)
	}
	return j, steps
}

// GitHub's runner sends the log of each step once, and does not try again: the server may
// have been away.
func TestAStepWithoutALogShowsItsPartOfTheLogOfTheJob(t *testing.T) { // LOG-6
	// When the log of the job comes, and how exact runners are about times.
	for order, exact := range map[string]time.Duration{"before": time.Millisecond, "between": time.Microsecond, "after": time.Second} {
		storetest.Each(t, func(t *testing.T, st *store.Store) {
			f, p := logstest.New(t, st, logs.Limits{}), newPrinter()
			j, steps := ranJob(f, p, exact)
			for i, at := range []string{"before", "", "between", "after"} {
				if at == order {
					text := p.whole.String()
					half := strings.Index(text, "several") + 3 // pieces are cut anywhere
					put(t, f.Logs, j, j.GUID, f.Logs.NewPart(), bom+text[:half])
					put(t, f.Logs, j, j.GUID, f.Logs.NewPart(), text[half:])
				}
				if i != 1 {
					put(t, f.Logs, j, steps[i].GUID, 1, p.steps[steps[i].Name].String())
				}
			}
			lost := "Compile begins\nentry of\nseveral lines\n\n##[group]Compile\nCompile ends\n" + cutNote
			if d := cmp.Diff(lost, plain(stepLog(t, f.Logs, j, steps[1].GUID))); d != "" {
				t.Errorf("the step: %s", d)
			}
			if d := cmp.Diff(p.steps["Test"].String(), stepLog(t, f.Logs, j, steps[2].GUID)); d != "" {
				t.Errorf("a step whose log came: %s", d)
			}
			r, size, err := f.Logs.OpenJob(t.Context(), j)
			whole := plain(read(t, r, size, err))
			if want := strings.Replace(plain(p.whole.String()), "Compile ends\n", "Compile ends\n"+cutNote, 1); whole != want {
				t.Errorf("the job: %s", cmp.Diff(want, whole))
			}
			zip := entries(t, archive(t, f))
			if d := cmp.Diff(lost, plain(zip["build/3_Compile.txt"])); d != "" {
				t.Errorf("the step in the archive: %s", d)
			}
			if plain(zip["0_build.txt"]) != whole || zip["build/job.txt"] != p.whole.String() || len(zip) != 6 {
				t.Errorf("the archive has %d entries", len(zip))
			}
		})
	}
}

func TestALogOfTheJobStandsForAllOfItsSteps(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, steps := ranJob(f, p, time.Microsecond)
	put(t, f.Logs, j, j.GUID, 1, strings.TrimSuffix(p.whole.String(), "\n"))
	for _, s := range steps {
		if d := cmp.Diff(plain(p.steps[s.Name].String())+cutNote, plain(stepLog(t, f.Logs, j, s.GUID))); d != "" {
			t.Error(d)
		}
	}
	r, size, err := f.Logs.OpenJob(t.Context(), j)
	if got := read(t, r, size, err); got+"\n" != p.whole.String() {
		t.Errorf("the job: %s", cmp.Diff(p.whole.String(), got))
	}
}

// Times of lines say nothing where there are none: then nothing is made up.
func TestALogOfTheJobWithoutTimesIsNotDivided(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, steps := ranJob(f, p, time.Millisecond)
	put(t, f.Logs, j, steps[0].GUID, 1, "own\n")
	put(t, f.Logs, j, j.GUID, 1, plain(p.whole.String()))
	if _, _, err := f.Logs.OpenStep(t.Context(), j, steps[1].GUID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestFollowersGetWhatOnlyTheLogOfTheJobHas(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j, steps := ranJob(f, p, time.Microsecond)
	put(t, f.Logs, j, steps[0].GUID, 1, p.steps["Set up job"].String())
	f.Logs.Publish(j.ID, steps[1].GUID, 1, []string{"Compile begins"})
	events := f.Logs.Follow(t.Context(), j)
	if e, _ := next(t, events); e.Step != steps[0].GUID {
		t.Fatalf("got %v", e)
	}
	wantEvents(t, events, logs.Event{Step: steps[1].GUID, Line: 1, Lines: []string{"Compile begins"}})
	put(t, f.Logs, j, j.GUID, 1, p.whole.String())
	f.Complete(j, time.Now())
	f.Logs.End(j.ID)
	wantEvents(t, events, logs.Event{Step: logs.Preamble, Line: 1, Lines: []string{"Before the first step"}}, logs.Event{
		Step: steps[1].GUID, Line: 2,
		Lines: []string{"entry of", "several lines", "", "##[group]Compile", "Compile ends", strings.TrimSuffix(cutNote, "\n")},
	})
}

func TestTheLogOfALargeJobIsDividedLineByLine(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	j := f.Job("build")
	var steps []*actions.Step
	for i := range 30 {
		name := fmt.Sprint("step ", i)
		from := p.now.Add(20 * time.Microsecond)
		for n := range 10_000 {
			p.print(name, fmt.Sprintf("line %d of %s, and a little more of it", n, name))
		}
		steps = append(steps, f.Ran(j, i+1, name, from.Truncate(time.Microsecond), p.now))
		p.now = p.now.Add(time.Second)
	}
	for text := p.whole.String(); text != ""; {
		n := min(len(text), 2<<20)
		put(t, f.Logs, j, j.GUID, f.Logs.NewPart(), text[:n])
		text = text[n:]
	}
	for i, s := range steps {
		if i%2 == 0 {
			put(t, f.Logs, j, s.GUID, 1, p.steps[s.Name].String())
		}
	}
	for i, s := range steps[:4] {
		want := plain(p.steps[s.Name].String())
		if i%2 == 1 {
			want += cutNote
		}
		if plain(stepLog(t, f.Logs, j, s.GUID)) != want {
			t.Errorf("%s is not as printed", s.Name)
		}
	}
	r, size, err := f.Logs.OpenJob(t.Context(), j)
	if got := strings.ReplaceAll(plain(read(t, r, size, err)), cutNote, ""); got != plain(p.whole.String()) {
		t.Error("the log of the job is not as printed")
	}
}

// A runner says to the millisecond when a step began, and steps can be shorter.
func TestStepsWithoutALogThatBeganInOneMillisecondHaveTheirOwnLines(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	p.pace, p.now = 3*time.Microsecond, p.now.Truncate(time.Millisecond).Add(100*time.Microsecond)
	j := f.Job("build")
	var steps []*actions.Step
	for i, name := range []string{"one", "two", "three", "four"} {
		p.now = p.now.Add(time.Duration(200+100*i) * time.Microsecond) // what the runner does between steps
		steps = append(steps, f.Ran(j, i+1, name, p.now.Truncate(time.Millisecond), p.now.Truncate(time.Millisecond)))
		p.print(name, name+" begins", "same", "same", name+" ends")
	}
	put(t, f.Logs, j, steps[0].GUID, 1, p.steps["one"].String())
	put(t, f.Logs, j, j.GUID, 1, p.whole.String())
	for _, s := range steps[1:] {
		if d := cmp.Diff(plain(p.steps[s.Name].String())+cutNote, plain(stepLog(t, f.Logs, j, s.GUID))); d != "" {
			t.Error(d)
		}
	}
}

// However steps and lines lie, each line is of one step at most.
func TestNoLineOfTheLogOfAJobIsShownTwice(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	begin := newPrinter().now.Truncate(time.Millisecond)
	for seed := range uint64(200) {
		r, at := rand.New(rand.NewPCG(seed, 0)), begin
		j, missing := f.Job("build"), map[*actions.Step]bool{}
		for i := range r.IntN(8) {
			at = at.Add(time.Duration(r.IntN(8)) * 250 * time.Microsecond)
			s := f.Ran(j, i+1, "step", at, at)
			if missing[s] = r.IntN(3) > 0; !missing[s] {
				put(t, f.Logs, j, s.GUID, 1, at.Format(wire.LogTime)+" own\n")
			}
		}
		var whole strings.Builder
		most, at := 1+r.IntN(60), begin.Add(-time.Millisecond)
		for range most {
			at = at.Add(time.Duration(r.IntN(400)) * time.Microsecond)
			if r.IntN(5) > 0 {
				whole.WriteString(at.Format(wire.LogTime) + " ")
			}
			whole.WriteString("x\n")
		}
		put(t, f.Logs, j, j.GUID, 1, whole.String())
		lines := 0
		for s, missed := range missing {
			log, size, err := f.Logs.OpenStep(t.Context(), j, s.GUID)
			if missed && actions.KindOf(err) == actions.NotFound {
				continue
			}
			text := plain(read(t, log, size, err))
			switch {
			case !missed && text != "own\n", missed && !strings.HasSuffix(text, cutNote):
				t.Errorf("seed %d: %q", seed, text)
			case missed:
				lines += strings.Count(text, "x\n")
			}
		}
		if lines > most {
			t.Errorf("seed %d: %d lines of %d", seed, lines, most)
		}
	}
}

// It comes within moments, and nobody must read that it did not.
func TestALogThatIsDueAnyMomentIsNotReplaced(t *testing.T) {
	f, p := logstest.New(t, storetest.Open(t), logs.Limits{}), newPrinter()
	p.now = time.Now()
	j, steps := ranJob(f, p, time.Microsecond)
	put(t, f.Logs, j, j.GUID, 1, p.whole.String())
	if _, _, err := f.Logs.OpenStep(t.Context(), j, steps[1].GUID); actions.KindOf(err) != actions.NotFound {
		t.Errorf("while the job goes on: %v", err)
	}
	f.Complete(j, time.Now())
	if got := plain(stepLog(t, f.Logs, j, steps[1].GUID)); !strings.HasSuffix(got, "Compile ends\n"+cutNote) {
		t.Errorf("when it is over: %q", got)
	}
}
