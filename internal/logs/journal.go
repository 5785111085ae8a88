package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Live lines of jobs that run outlive the process in files, one for each job, which go
// when the job is over. A line of a file is the GUID of a step, the number of the line
// within the step, the time at which it came, and its text. Nothing waits for the
// disk: a process that is killed has lost a moment, a machine some seconds.

// keepEvery is how long lines wait, so that several are written at once, and those of
// most short jobs never.
const keepEvery = 50 * time.Millisecond

// older is what the name of a file gets that is full. A job has at most that one and
// one that is being filled.
const older = ".old"

// keepLines writes lines as they come, until ctx ends.
func (l *Logs) keepLines(ctx context.Context) error {
	if l.dir == "" {
		return nil
	}
	for ctx.Err() == nil {
		select {
		case <-l.hub.unkept:
			select {
			case <-time.After(keepEvery):
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		l.writeLines(context.WithoutCancel(ctx))
	}
	return nil
}

func (l *Logs) writeLines(ctx context.Context) {
	news, ended := l.hub.takeUnkept()
	for id, chunks := range news {
		if err := l.writeJob(ctx, id, chunks); err != nil {
			l.log.WarnContext(ctx, "live lines not written", "job", id, "err", err)
		}
	}
	for _, id := range ended {
		name := l.files[id]
		delete(l.files, id)
		if name == "" {
			continue
		}
		for _, name := range []string{name, name + older} {
			if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				l.log.WarnContext(ctx, "file of live lines left behind", "job", id, "err", err)
			}
		}
	}
}

func (l *Logs) writeJob(ctx context.Context, id int64, chunks []chunk) error {
	name := l.files[id]
	if name == "" { // a number may be given out again when older data is put back, a GUID is not
		job, err := l.store.Job(ctx, id)
		if err != nil {
			return err
		}
		name = filepath.Join(l.dir, job.GUID)
		l.files[id] = name
	}
	var b bytes.Buffer
	for _, c := range chunks {
		for i, line := range c.lines {
			fmt.Fprintf(&b, "%s %d %s%s\n", c.step, c.line+int64(i), wire.AppendLogTime(nil, c.at), strings.ReplaceAll(line, "\n", " "))
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Bytes())
	info, statErr := f.Stat()
	if err := errors.Join(err, statErr, f.Close()); err != nil {
		return err
	}
	if info.Size() > int64(l.limits.Live) {
		return os.Rename(name, name+older)
	}
	return nil
}

// Recall gets back what an earlier process knew of the jobs that still run, and
// concludes the logs of those that are over. Call it once, before lines can come.
func (l *Logs) Recall(ctx context.Context) error {
	if l.dir == "" {
		return nil
	}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		guid := strings.TrimSuffix(e.Name(), older)
		if uuid.Validate(guid) != nil {
			continue // it is not ours
		}
		if err := l.recallJob(ctx, filepath.Join(l.dir, guid)); err != nil {
			l.log.WarnContext(ctx, "live lines of an earlier process not read", "job", guid, "err", err)
		}
	}
	return l.remember(ctx)
}

// remember makes the hub know the jobs in progress: where the server was away meanwhile,
// their logs say so.
func (l *Logs) remember(ctx context.Context) error {
	jobs, err := l.store.JobsInProgress(ctx)
	if err != nil {
		return err
	}
	l.hub.mu.Lock()
	defer l.hub.mu.Unlock()
	for _, j := range jobs {
		l.hub.job(j.ID).own = true
	}
	return nil
}

// recallJob reads the files of a job.
func (l *Logs) recallJob(ctx context.Context, name string) error {
	job, err := l.store.JobByGUID(ctx, filepath.Base(name))
	if actions.KindOf(err) == actions.NotFound {
		return errors.Join(remove(name), remove(name+older))
	}
	if err != nil {
		return err
	}
	if _, known := l.files[job.ID]; known {
		return nil // it has two files
	}
	l.files[job.ID] = name
	for _, name := range []string{name + older, name} {
		if err := l.recallFile(job.ID, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if job.Status == actions.Completed {
		l.Conclude(ctx, job)
	}
	return nil
}

func remove(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// recallFile adds the lines of a file to the hub.
func (l *Logs) recallFile(jobID int64, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	var c chunk
	for {
		text, err := in.ReadSlice('\n')
		if errors.Is(err, io.EOF) { // what has no end was cut off
			l.hub.recall(jobID, c)
			return nil
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		step, number, at, line, ok := parseKept(text)
		if !ok {
			continue
		}
		if step != c.step || number != c.line+int64(len(c.lines)) || !at.Equal(c.at) || len(c.lines) >= recallLines {
			l.hub.recall(jobID, c)
			c = chunk{step: step, line: number, at: at}
		}
		c.lines = append(c.lines, line)
	}
}

// recallLines is how many lines become one chunk again.
const recallLines = 100

// parseKept reads a line of a file.
func parseKept(text []byte) (step string, number int64, at time.Time, line string, ok bool) {
	fields := bytes.SplitN(bytes.TrimSuffix(text, []byte("\n")), []byte(" "), 3)
	if len(fields) < 3 {
		return "", 0, at, "", false
	}
	number, err := strconv.ParseInt(string(fields[1]), 10, 64)
	at, ok = wire.TimeOfLog(fields[2])
	ok = ok && err == nil && number > 0 && number <= maxNumber && uuid.Validate(string(fields[0])) == nil
	return string(fields[0]), number, at, string(wire.CutLogTime(fields[2])), ok
}

// recall adds lines of an earlier process.
func (h *hub) recall(jobID int64, c chunk) {
	if len(c.lines) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.job(jobID)
	if h.add(j, piece{c.step, c.line, slices.Clip(c.lines)}, true) {
		j.chunks[len(j.chunks)-1].at = c.at
	}
	j.kept = j.first + uint64(len(j.chunks))
}

// unkeptOf notes that a job has lines that are not written, or that it is over. The
// caller holds mu.
func (h *hub) unkeptOf(jobID int64) {
	if h.unkept == nil {
		return
	}
	h.dirty[jobID] = struct{}{}
	select {
	case h.unkept <- struct{}{}:
	default: // it will be looked at
	}
}

// takeUnkept returns the lines that are to be written, and the jobs whose files are to
// go.
func (h *hub) takeUnkept() (news map[int64][]chunk, ended []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	news = make(map[int64][]chunk, len(h.dirty))
	for id := range h.dirty {
		j := h.jobs[id]
		if j == nil {
			ended = append(ended, id)
			continue
		}
		for _, c := range j.chunks[max(j.kept, j.first)-j.first:] {
			if c.own {
				news[id] = append(news[id], c)
			}
		}
		j.kept = j.first + uint64(len(j.chunks))
	}
	clear(h.dirty)
	return news, ended
}
