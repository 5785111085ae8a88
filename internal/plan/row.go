package plan

import (
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
)

// Row is what planning knows of a job, with its combination of the matrix.
func Row(j *actions.Job) (*Job, error) {
	row := &Job{
		ID: j.ID, Path: j.Path, Key: j.Key, Index: j.Index, Total: j.Total, Wait: j.Wait, Environment: j.Environment, Status: j.Status, Conclusion: j.Conclusion,
		ContinueOnError: j.ContinueOnError, Outputs: j.Outputs, CompletedAt: j.CompletedAt,
	}
	if len(j.Matrix) == 0 {
		return row, nil
	}
	matrix, err := expr.FromJSON(j.Matrix)
	if err != nil {
		return nil, fmt.Errorf("matrix of job %d: %w", j.ID, err)
	}
	row.Matrix, _ = matrix.(*expr.Object)
	return row, nil
}
