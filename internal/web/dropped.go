package web

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Runners report ten annotations of each level and step, and nothing of the others. What
// those are stands in the log of the step, where each has a line with a mark.
const (
	reported    = 10
	maxDropping = 5       // steps whose logs are searched for one page
	maxSearched = 8 << 20 // bytes of each
	maxOfJob    = 2000    // more annotations than the server keeps of a job
)

var levels = []actions.Level{actions.LevelFailure, actions.LevelWarning, actions.LevelNotice}

// dropped says how many annotations the steps of a job that is over have made beyond those
// that its runner has reported. A log that cannot be read is left out.
func (s *Site) dropped(ctx context.Context, j *actions.Job, notes []*actions.Annotation) (lines []string, err error) {
	counts := map[int]map[actions.Level]int{}
	full := false
	for _, n := range notes {
		if counts[n.StepNumber] == nil {
			counts[n.StepNumber] = map[actions.Level]int{}
		}
		counts[n.StepNumber][n.Level]++
		full = full || n.StepNumber > 0 && counts[n.StepNumber][n.Level] >= reported
	}
	if !full || j.Status != actions.Completed {
		return nil, nil
	}
	steps, err := s.store.Steps(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	searched := 0
	for _, st := range steps {
		has := counts[st.Number]
		if searched == maxDropping || max(has[actions.LevelFailure], has[actions.LevelWarning], has[actions.LevelNotice]) < reported {
			continue
		}
		searched++
		found, whole, err := s.marked(ctx, j, st)
		if err != nil {
			continue
		}
		for _, level := range levels {
			if n := found[level] - has[level]; has[level] >= reported && n > 0 {
				lines = append(lines, droppedText(st, level, n, whole))
			}
		}
	}
	return lines, nil
}

func droppedText(st *actions.Step, level actions.Level, n int, whole bool) string {
	_, label := levelOf(level)
	if n > 1 {
		label += "s"
	}
	least := ""
	if !whole {
		least = "at least "
	}
	return fmt.Sprintf("Step %d (%s) has %s%d more %s in its log: its runner reports %d of each kind.", st.Number, st.Name, least, n, label, reported)
}

// marked counts the lines with a mark in the log of a step, and says whether that is all
// of it.
func (s *Site) marked(ctx context.Context, j *actions.Job, st *actions.Step) (found map[actions.Level]int, whole bool, err error) {
	r, size, err := s.logs.OpenStep(ctx, j, st.GUID)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	found = map[actions.Level]int{}
	in := bufio.NewReaderSize(io.LimitReader(r, maxSearched), 64<<10)
	for {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			return found, size <= maxSearched, nil
		}
		if err != nil {
			return nil, false, err
		}
		_, rest := cutTime(string(text[:min(len(text), 100)]))
		switch kind, _ := cutMarker(rest); kind {
		case "error":
			found[actions.LevelFailure]++
		case "warning":
			found[actions.LevelWarning]++
		case "notice":
			found[actions.LevelNotice]++
		}
	}
}
