package steps_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/steps"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A bench is the service and a run to hang jobs on.
type bench struct {
	*logstest.Fixture
	*steps.Steps
}

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		test(t, &bench{logstest.New(t, st, logs.Limits{}), steps.New(st)})
	})
}

// finish writes final states, and returns how many are lost.
func (b *bench) finish(j *actions.Job, final ...*actions.Step) (lost int) {
	b.T.Helper()
	err := b.Store.Update(b.T.Context(), func(tx *store.Tx) (err error) {
		lost, err = steps.Finish(b.T.Context(), tx, j, final)
		return err
	})
	if err != nil {
		b.T.Fatal(err)
	}
	return lost
}

// update takes live states.
func (b *bench) update(j *actions.Job, order int64, changed ...*actions.Step) {
	b.T.Helper()
	if err := b.Update(b.T.Context(), j, order, changed); err != nil {
		b.T.Fatal(err)
	}
}

// rows are the steps of a job, without its id.
func (b *bench) rows(j *actions.Job) []actions.Step {
	b.T.Helper()
	list, err := b.Store.Steps(b.T.Context(), j.ID)
	if err != nil {
		b.T.Fatal(err)
	}
	rows := make([]actions.Step, len(list))
	for i, s := range list {
		rows[i] = *s
		rows[i].JobID = 0
	}
	return rows
}

var (
	start = time.Date(2026, 11, 20, 12, 0, 0, 678_901_234, time.FixedZone("", 3600))
	end   = start.Add(time.Second)
	id    = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
)

func TestAStepReportedLiveAndAtTheEndIsTheSameRow(t *testing.T) {
	utc := func(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
	each(t, func(t *testing.T, b *bench) {
		for name, c := range map[string]struct{ reported, want actions.Step }{
			"an ordinary one": {
				actions.Step{GUID: id, Number: 2, Name: "Run go test", Status: actions.Completed, Conclusion: actions.Failure, StartedAt: start, CompletedAt: end},
				actions.Step{GUID: id, Number: 2, Name: "Run go test", Status: actions.Completed, Conclusion: actions.Failure, StartedAt: utc(start), CompletedAt: utc(end)},
			},
			"an id in capitals, a name of two lines": {
				actions.Step{GUID: strings.ToUpper(id), Number: 1, Name: "Run a\n\tb\x00\x7f", Status: actions.Completed, Conclusion: actions.Success},
				actions.Step{GUID: id, Number: 1, Name: "Run a  b  ", Status: actions.Completed, Conclusion: actions.Success},
			},
			"a long name that is not UTF-8": {
				actions.Step{GUID: id, Name: "\xff" + strings.Repeat("é", 5000), Status: actions.Completed, Conclusion: actions.Skipped},
				actions.Step{GUID: id, Name: "\uFFFD" + strings.Repeat("é", 1023), Status: actions.Completed, Conclusion: actions.Skipped},
			},
			"numbers and times that cannot be": {
				actions.Step{GUID: id, Number: 1 << 40, Status: actions.Completed, Conclusion: actions.Success, StartedAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), CompletedAt: time.Unix(1, 0)},
				actions.Step{GUID: id, Number: 1 << 20, Status: actions.Completed, Conclusion: actions.Success},
			},
			"a number below nothing": {
				actions.Step{GUID: id, Number: -5, Status: actions.Completed, Conclusion: actions.Success},
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Success},
			},
			"an end before its beginning": {
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Success, StartedAt: end, CompletedAt: start},
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Success, StartedAt: utc(end), CompletedAt: utc(end)},
			},
			"no end": {
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Success, StartedAt: start},
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Success, StartedAt: utc(start), CompletedAt: utc(start)},
			},
			"over, nobody knows how": {
				actions.Step{GUID: id, Status: actions.Completed},
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Neutral},
			},
			"over in a way that is none of a step": {
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.StartupFailure},
				actions.Step{GUID: id, Status: actions.Completed, Conclusion: actions.Neutral},
			},
			"in progress, with an end": {
				actions.Step{GUID: id, Status: actions.InProgress, Conclusion: actions.Success, StartedAt: start, CompletedAt: end},
				actions.Step{GUID: id, Status: actions.InProgress, StartedAt: utc(start)},
			},
		} {
			live, final := b.Job("live"), b.Job("final")
			one, other := c.reported, c.reported
			b.update(live, 1, &one)
			if lost := b.finish(final, &other); lost != 0 {
				t.Errorf("%s: lost at the end", name)
			}
			if diff := cmp.Diff([]actions.Step{c.want}, b.rows(live)); diff != "" {
				t.Errorf("%s, live (-want +got):\n%s", name, diff)
			}
			if diff := cmp.Diff(b.rows(live), b.rows(final)); diff != "" {
				t.Errorf("%s (-live +at the end):\n%s", name, diff)
			}
		}
	})
}

func TestTheEndIsTheLastWord(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		j := b.Job("build")
		b.update(j, 5, &actions.Step{GUID: id, Name: "x", Status: actions.InProgress, StartedAt: start})
		b.update(j, 4, &actions.Step{GUID: id, Name: "old news", Status: actions.Pending})
		if rows := b.rows(j); rows[0].Name != "x" || rows[0].Status != actions.InProgress {
			t.Errorf("after old news: %+v", rows[0])
		}
		b.finish(j, &actions.Step{GUID: id, Name: "x", Status: actions.Completed, Conclusion: actions.Success, StartedAt: start, CompletedAt: end})
		b.Complete(j, time.Now())
		b.update(j, 6, &actions.Step{GUID: id, Name: "after the end", Status: actions.InProgress})
		if rows := b.rows(j); len(rows) != 1 || rows[0].Name != "x" || rows[0].Conclusion != actions.Success {
			t.Errorf("at the end: %+v", rows)
		}
	})
}

func TestWhatIsKnownIsNotWrittenAgain(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		j := b.Job("build")
		step := func() *actions.Step {
			return &actions.Step{GUID: id, Name: "a\nb", Number: 1, Status: actions.Completed, Conclusion: actions.Success, StartedAt: start, CompletedAt: end}
		}
		b.update(j, 1, step())
		changed := b.Store.Subscribe(store.RunTopic(j.RunID))
		defer changed.Close()
		b.finish(j, step())
		if topics, _ := changed.Take(); len(topics) > 0 {
			t.Error("the step was written again")
		}
	})
}

func TestStepsThatCannotBe(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		j := b.Job("build")
		good := func() *actions.Step {
			return &actions.Step{GUID: uuid.NewString(), Status: actions.Completed, Conclusion: actions.Success}
		}
		for _, id := range []string{"", "../../etc/passwd", "{" + id + "}", "urn:uuid:" + id, strings.ReplaceAll(id, "-", "")} {
			err := b.Update(t.Context(), j, 1, []*actions.Step{good(), {GUID: id}})
			if actions.KindOf(err) != actions.Malformed || len(b.rows(j)) != 0 {
				t.Errorf("live, id %q: %v, %d steps; want Malformed, and none taken", id, err, len(b.rows(j)))
			}
			if lost := b.finish(j, &actions.Step{GUID: id}); lost != 1 {
				t.Errorf("at the end, id %q: %d lost, want one", id, lost)
			}
		}
		many := make([]*actions.Step, steps.Max-1)
		for i := range many {
			many[i] = good()
		}
		b.update(j, 1, many...)
		if err := b.Update(t.Context(), j, 2, []*actions.Step{good(), good()}); actions.KindOf(err) != actions.Invalid {
			t.Errorf("one too many, live: %v, want Invalid", err)
		}
		if lost := b.finish(j, good(), good(), many[0]); lost != 1 || len(b.rows(j)) != steps.Max {
			t.Errorf("one too many, at the end: %d lost, %d kept; want one, and %d", lost, len(b.rows(j)), steps.Max)
		}
	})
}
