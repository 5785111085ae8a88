package logs

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// An Archive is the logs of an attempt as GitHub packs them: for each job
// "0_JOB.txt", and "JOB/1_STEP.txt" for each of its steps. gh finds the log of a
// step by that name alone. "JOB/job.txt" is what was sent as the log of the job, where
// the logs of its steps count in place of that. "runner-diagnostic-logs/JOB.zip" is what
// its runner sent of its own logs.
type Archive struct {
	logs    *Logs
	jobs    int
	entries []entry
}

type entry struct {
	name     string
	modified time.Time
	spans    []span
}

// OpenArchive finds the logs of an attempt; attempt 0 stands for the current
// one. NotFound means that none of its jobs has a log.
func (l *Logs) OpenArchive(ctx context.Context, run *actions.Run, attempt int) (*Archive, error) {
	if attempt == 0 {
		attempt = run.Attempt
	}
	var jobs []*actions.Job
	var steps []*actions.Step
	var parts, sent []*store.LogPart
	err := l.store.View(ctx, func(tx *store.Tx) (err error) {
		if jobs, err = tx.Jobs(ctx, run.ID, attempt); err != nil {
			return err
		}
		if steps, err = tx.RunSteps(ctx, run.ID, attempt); err != nil {
			return err
		}
		if parts, err = tx.RunLog(ctx, run.ID, attempt); err != nil {
			return err
		}
		sent, err = tx.Diagnostics(ctx, run.ID, attempt)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		return nil, actions.Errorf(actions.NotFound, "attempt %d of run %d has no logs", attempt, run.ID)
	}
	a := &Archive{logs: l}
	stepsOf, partsOf := map[int64][]*actions.Step{}, map[int64][]*store.LogPart{}
	for _, s := range steps {
		stepsOf[s.JobID] = append(stepsOf[s.JobID], s)
	}
	for _, p := range parts {
		partsOf[p.JobID] = append(partsOf[p.JobID], p)
	}
	names := namer{}
	for _, j := range jobs {
		if len(partsOf[j.ID]) > 0 {
			name := names.unique(fileName(j.Name))
			if err := a.add(ctx, name, j, stepsOf[j.ID], partsOf[j.ID]); err != nil {
				return nil, err
			}
			a.addDiagnostics(name, endOf(j), slices.DeleteFunc(slices.Clone(sent), func(p *store.LogPart) bool { return p.JobID != j.ID }))
		}
	}
	return a, nil
}

// endOf is when the logs of a job were last changed, as far as the archive tells.
func endOf(j *actions.Job) time.Time {
	if j.CompletedAt.IsZero() {
		return j.CreatedAt
	}
	return j.CompletedAt
}

// add adds the entries of a job that is called name here.
func (a *Archive) add(ctx context.Context, name string, j *actions.Job, steps []*actions.Step, parts []*store.LogPart) error {
	log, err := a.logs.assemble(ctx, j, steps, parts, a.logs.due(j))
	if err != nil {
		return err
	}
	modified, text := endOf(j), log.text()
	a.entries = append(a.entries, entry{strconv.Itoa(a.jobs) + "_" + name + ".txt", modified, text})
	a.jobs++
	if len(log.whole) > 0 && !slices.Contains(text, log.whole[0]) {
		a.entries = append(a.entries, entry{name + "/job.txt", modified, log.whole})
	}
	names := namer{}
	for _, s := range steps {
		if spans := log.step(s.GUID); len(spans) > 0 {
			file := names.unique(fmt.Sprintf("%d_%s", s.Number, fileName(s.Name)))
			a.entries = append(a.entries, entry{name + "/" + file + ".txt", modified, spans})
		}
	}
	return nil
}

// Write writes the zip file. It reads as it writes; after an error the file is
// not complete.
func (a *Archive) Write(ctx context.Context, w io.Writer) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	for _, e := range a.entries {
		if err := a.write(ctx, z, e); err != nil {
			return fmt.Errorf("log archive: %w", err)
		}
	}
	return z.Close()
}

func (a *Archive) write(ctx context.Context, z *zip.Writer, e entry) (err error) {
	r, _, err := a.logs.open(ctx, e.spans)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: e.modified.UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return err
}

const maxFileName = 90 // UTF-16 units, as GitHub and gh count

// fileName is the name of a job or step as GitHub writes it in an archive:
// without the characters that would make it a path, and cut. gh does the same
// with "/" and ":" and compares.
func fileName(name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || strings.ContainsRune(`/:\`, c) {
			return -1
		}
		return c
	}, name)
	if units := utf16.Encode([]rune(name)); len(units) > maxFileName {
		name = string(utf16.Decode(units[:maxFileName]))
	}
	name = strings.TrimSpace(name)
	if strings.Trim(name, ".") == "" {
		return strings.Repeat("_", max(len(name), 1))
	}
	return name
}

// A namer tells equal names apart, also where case makes no difference. It
// counts how often each was asked for.
type namer map[string]int

func (n namer) unique(name string) string {
	key := strings.ToLower(name)
	candidate := name
	for n[strings.ToLower(candidate)] > 0 {
		candidate = fmt.Sprintf("%s (%d)", name, n[key])
		n[key]++
	}
	n[strings.ToLower(candidate)]++
	return candidate
}
