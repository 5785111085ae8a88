package logs

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// diagnosticsDir is where the archive of a run has them, as with GitHub.
const diagnosticsDir = "runner-diagnostic-logs/"

// PutDiagnostics keeps what a runner sends of its own logs for a job that people
// debug: a zip file, as it is. It replaces an earlier one, is in the archive of the run
// only, and goes with the run's logs. One of more than [Limits].Diagnostics bytes is
// Invalid.
func (l *Logs) PutDiagnostics(ctx context.Context, job *actions.Job, body io.Reader) error {
	if err := l.putOther(ctx, job, store.DiagnosticsStep, body, l.limits.Diagnostics); err != nil {
		return fmt.Errorf("diagnostics of job %d: %w", job.ID, err)
	}
	return nil
}

// addDiagnostics adds what the runner of a job that is called name here has sent.
func (a *Archive) addDiagnostics(name string, modified time.Time, sent []*store.LogPart) {
	if len(sent) > 0 {
		a.entries = append(a.entries, entry{diagnosticsDir + name + ".zip", modified, spansOf(sent)})
	}
}
