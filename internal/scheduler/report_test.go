package scheduler_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// Threat: a job reports without measure. Its conclusion counts all the same.
func TestOfAReportOnlyWhatIsTooMuchIsLeftOut(t *testing.T) { // RES-4, JOB-4
	b := newBench(t, storetest.Open(t))
	run := b.start(chain)
	j := b.acquire(run, "a")
	res := &scheduler.Result{Conclusion: actions.Success, Outputs: map[string]string{
		"a": "small", "b": strings.Repeat("x", 1<<19), "c": "small too", "empty": "",
	}}
	res.Steps = []*actions.Step{{GUID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", Number: 1, Name: "a", Status: actions.Completed, Conclusion: actions.Success}}
	res.Annotations = append(res.Annotations, &actions.Annotation{Level: actions.LevelNotice, StartLine: -5, EndLine: math.MaxInt, StartColumn: -1, Message: strings.Repeat("é", 5000)})
	for range 1001 {
		res.Annotations = append(res.Annotations, &actions.Annotation{Path: "a.go", Level: actions.LevelWarning, StartLine: 7, Message: "m"})
	}
	b.must(b.Complete(t.Context(), j, res))
	j = b.job(run, "a")
	if d := cmp.Diff(map[string]string{"a": "small", "c": "small too"}, j.Outputs); j.Conclusion != actions.Success || d != "" {
		t.Errorf("%s, outputs (-want +got):\n%s", j.Conclusion, d)
	}
	notes, total, err := b.st.Annotations(t.Context(), j.ID, store.Page{Number: 11, Size: 100})
	b.must(err)
	if total != 1002 || !strings.Contains(notes[0].Message, "counted as UTF-16. Not kept: 'b'.") || !strings.Contains(notes[1].Message, " 2 annotations are missing") {
		t.Errorf("%d annotations, the last %+v; want 1000 and what is missing", total, notes)
	}
	notes, _, err = b.st.Annotations(t.Context(), j.ID, store.Page{Number: 1, Size: 2})
	b.must(err)
	want := []*actions.Annotation{
		{Path: ".github", Level: actions.LevelNotice, StartLine: 1, EndLine: 1 << 30, Message: strings.Repeat("é", 4096)},
		{Path: "a.go", Level: actions.LevelWarning, StartLine: 7, EndLine: 7, Message: "m"},
	}
	if d := cmp.Diff(want, notes, cmpopts.IgnoreFields(actions.Annotation{}, "ID", "JobID")); d != "" {
		t.Errorf("annotations (-want +got):\n%s", d)
	}
}
