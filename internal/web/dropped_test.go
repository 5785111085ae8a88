package web_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Whichever runner it is, the log of the step has what it did not report.
func TestTheJobsPageSaysHowManyAnnotationsAStepDropped(t *testing.T) {
	s := newTestSite(t)
	repo := s.repo(s.User("octo"), "hello", false)
	run := s.addRun(repo, ".github/workflows/ci.yml", nil)
	j := s.addJob(run, "lint", "lint", completed(actions.Success))
	s.addStep(j, 1, "few", actions.Success, stamped("##[warning]one", "##[warning]two"))
	s.addStep(j, 2, "lint <all>", actions.Success, stamped(append(slices.Repeat([]string{"##[warning]old", "text ##[warning]no mark"}, 14), "##[error]bad", "##[notice]n")...))
	s.addStep(j, 3, "just ten", actions.Success, stamped(slices.Repeat([]string{"##[error]bad"}, 10)...))
	s.addStep(j, 4, "long", actions.Success, stamped(append(slices.Repeat([]string{"##[error]bad"}, 11), slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 9)...)...))
	note := func(step, n int, level actions.Level) {
		for range n {
			s.Must(s.Store.CreateAnnotation(t.Context(), &actions.Annotation{JobID: j.ID, StepNumber: step, Path: ".github", StartLine: 1, EndLine: 1, Level: level, Message: "m"}))
		}
	}
	note(1, 2, actions.LevelWarning)
	note(2, 10, actions.LevelWarning)
	note(2, 1, actions.LevelFailure)
	note(3, 10, actions.LevelFailure)
	note(4, 10, actions.LevelFailure)
	page := s.browser().get(jobPath(pathOf(repo), j)).body
	for _, want := range []string{
		"Step 2 (lint &lt;all&gt;) has 4 more warnings in its log: its runner reports 10 of each kind.",
		"Step 4 (long) has at least 1 more error in its log: its runner reports 10 of each kind.",
	} {
		if strings.Count(page, want) != 1 {
			t.Errorf("the page does not say %q", want)
		}
	}
	if n := strings.Count(page, "more errors") + strings.Count(page, "more warnings") + strings.Count(page, "more error "); n != 2 {
		t.Errorf("%d steps are said to have dropped annotations, want 2", n)
	}
}
