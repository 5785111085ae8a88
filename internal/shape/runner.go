package shape

import (
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Runner is GitHub's "runner".
type Runner struct {
	ID            int64         `json:"id"`
	RunnerGroupID int64         `json:"runner_group_id"`
	Name          string        `json:"name"`
	OS            string        `json:"os"`
	Status        string        `json:"status"`
	Busy          bool          `json:"busy"`
	Ephemeral     bool          `json:"ephemeral"`
	Version       *string       `json:"version"` // null until it has connected
	Labels        []RunnerLabel `json:"labels"`
}

// A RunnerLabel is GitHub's "runner-label".
type RunnerLabel struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // read-only for those that the runner program sets itself
}

// NewRunner is a runner now. labels are the numbers of its labels, in their order.
func NewRunner(r *actions.Runner, labels []int64, busy bool, now time.Time) *Runner {
	v := &Runner{
		ID: r.ID, RunnerGroupID: r.GroupID, Name: r.Name, OS: r.System(), Status: "offline", Busy: busy,
		Ephemeral: r.Ephemeral, Labels: NewRunnerLabels(r, labels),
	}
	if r.Online(now) {
		v.Status = "online"
	}
	if !r.LastSeenAt.IsZero() {
		v.Version = Null(r.Version)
	}
	return v
}

// NewRunnerLabels are the labels of a runner with their numbers.
func NewRunnerLabels(r *actions.Runner, labels []int64) []RunnerLabel {
	list := make([]RunnerLabel, len(r.Labels))
	for i, l := range r.Labels {
		list[i] = RunnerLabel{ID: labels[i], Name: l.Name, Type: "custom"}
		if l.System {
			list[i].Type = "read-only"
		}
	}
	return list
}
