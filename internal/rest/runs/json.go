package runs

import (
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// newAttempt is the run as it was, or is, at one of its attempts.
func newAttempt(c *rest.Call, run *actions.Run, at *actions.Attempt) *shape.WorkflowRun {
	v := shape.NewWorkflowRun(c.Base, run, shape.NewMinimalRepository(c.Base, c.Repo)).At(c.Base, at)
	v.HTMLURL += "/attempts/" + strconv.Itoa(at.Number)
	return v
}
