package runner

import (
	"archive/zip"
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// maxDiagnostics is how many bytes of what this process logs about a job it keeps for
// the server.
const maxDiagnostics = 4 << 20

// diagnostics are what this process has logged about a job whose runner is debugged
// (ACTIONS_RUNNER_DEBUG), whatever its own level. Nil is those of any other job.
type diagnostics struct {
	began time.Time

	mu   sync.Mutex
	text bytes.Buffer
	full bool
}

// diagnose makes the job log into its diagnostics, too, if it is debugged.
func (j *job) diagnose(msg *wire.JobMessage) {
	if !msg.Flag(wire.VarRunnerDebug) {
		return
	}
	j.diagnostics = &diagnostics{began: j.r.cfg.Now()}
	own := slog.NewTextHandler(j.diagnostics, &slog.HandlerOptions{Level: slog.LevelDebug})
	j.logger.Store(slog.New(slog.NewMultiHandler(j.log().Handler(), own)))
}

// Write implements [io.Writer] for lines of a log.
func (d *diagnostics) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.full:
	case d.text.Len()+len(line) > maxDiagnostics:
		d.full = true
		fmt.Fprintf(&d.text, "The log of this job is longer than %d bytes. The rest is not kept.\n", maxDiagnostics)
	default:
		d.text.Write(line)
	}
	return len(line), nil
}

// lines are what was logged, without secrets of the job.
func (d *diagnostics) lines(msg *wire.JobMessage) []byte {
	var masker mask.Masker
	worker.HideSecrets(&masker, msg)
	d.mu.Lock()
	defer d.mu.Unlock()
	var out bytes.Buffer
	for line := range bytes.Lines(d.text.Bytes()) {
		out.Write(masker.Line(line))
	}
	return out.Bytes()
}

// zip has the files that GitHub's runner sends, as far as there is something to tell.
func (d *diagnostics) zip(j *job, msg *wire.JobMessage) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, file := range []struct {
		name string
		text []byte
	}{
		{"environment.txt", j.environmentText(msg)},
		{"Runner_" + d.began.UTC().Format("20060102-150405") + "-utc.log", d.lines(msg)},
	} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: file.name, Method: zip.Deflate, Modified: d.began.UTC().Truncate(time.Second)})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(file.text); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// environmentText says which runner this is, and which actions the job names.
func (j *job) environmentText(msg *wire.JobMessage) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Environment file created at(UTC): %s\n", j.r.cfg.Now().UTC().Format(time.DateTime))
	fmt.Fprintf(&b, "Runner Version: %s\nRunner Id: %d\nRunner Name: %s\nOS: %s\nArchitecture: %s\nIsolation: %s\nSteps:\n",
		j.r.cfg.Version, j.r.settings.AgentID, j.r.settings.AgentName, osLabel(), archLabel(), j.r.cfg.Isolation)
	for i := range msg.Steps {
		if ref := msg.Steps[i].Reference; ref.Type == wire.RefRepository {
			fmt.Fprintf(&b, "\tName: %s Version: %s\n", strings.TrimSuffix(ref.Name+"/"+ref.Path, "/"), ref.Ref)
		}
	}
	return []byte(b.String())
}

// sendDiagnostics gives the diagnostics of the job to the sink, if there are any.
func (j *job) sendDiagnostics(out *sink) {
	if j.diagnostics == nil {
		return
	}
	b, err := j.diagnostics.zip(j, out.lease.msg)
	if err != nil {
		j.log().Error("diagnostics were not packed", "err", err)
		return
	}
	out.diagnostics(b)
}
