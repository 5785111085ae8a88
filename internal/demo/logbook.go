package demo

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// A logbook holds the logs of a run under the names that its archive gives them:
// "0_test.txt" for a job, "test/1_Set up job.txt" for a step of it.
type logbook map[string]string

const maxEntry = 16 << 20

// readLogs downloads the archive of a run's logs.
func readLogs(ctx context.Context, c *client.Client, repo string, run int64) (logbook, error) {
	body, err := c.Read(ctx, fmt.Sprintf("/repos/%s/actions/runs/%d/logs", repo, run))
	if err != nil {
		return nil, err
	}
	return readLogbook(body)
}

func readLogbook(archive []byte) (logbook, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, err
	}
	book := make(logbook, len(z.File))
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		text, err := io.ReadAll(io.LimitReader(r, maxEntry))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		book[f.Name] = strings.TrimPrefix(string(text), "\ufeff")
	}
	return book, nil
}

// job is the whole log of a job.
func (b logbook) job(name string) (string, bool) {
	suffix := "_" + fileName(name) + ".txt"
	for entry, text := range b {
		if number, ok := strings.CutSuffix(entry, suffix); ok && strings.Trim(number, "0123456789") == "" {
			return text, true
		}
	}
	return "", false
}

// step is the log of a step.
func (b logbook) step(j *job, s *step) (string, bool) {
	text, ok := b[fmt.Sprintf("%s/%d_%s.txt", fileName(j.Name), s.Number, fileName(s.Name))]
	return text, ok
}

// fileName is a name without what cannot be in that of a file.
func fileName(name string) string {
	return strings.NewReplacer("/", "", ":", "", `\`, "").Replace(name)
}

// exact replaces the times of jobs and their steps by those of their log lines.
// A step ends when the next begins: its last line may have come long before.
func (b logbook) exact(jobs []job) {
	for i := range jobs {
		j := &jobs[i]
		whole, _ := b.job(j.Name)
		lines := strings.Split(strings.TrimRight(whole, "\n"), "\n")
		first, ok := timeOf(lines[0])
		if !ok {
			continue
		}
		j.began, j.ended = first, first
		for k := len(lines) - 1; k > 0; k-- {
			if last, ok := timeOf(lines[k]); ok {
				j.ended = last
				break
			}
		}
		next := j.ended
		for k := len(j.Steps) - 1; k >= 0; k-- {
			s := &j.Steps[k]
			s.period = period{}
			text, _ := b.step(j, s)
			if began, ok := timeOf(text); ok {
				s.period = period{began, next}
				next = began
			}
		}
	}
}

// timeOf is the time that a line of a log begins with.
func timeOf(line string) (time.Time, bool) {
	word, _, _ := strings.Cut(line, " ")
	t, err := time.Parse(time.RFC3339Nano, word)
	return t, err == nil
}

// tail is the last n lines of a log without their times.
func tail(text string, n int) []string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		if _, ok := timeOf(line); ok {
			_, line, _ = strings.Cut(line, " ")
		}
		lines[i] = printable(line)
	}
	return lines
}

// extent is when the first step of the run began, and when the last one ended.
func extent(jobs []job) (began, ended time.Time) {
	for _, j := range jobs {
		if !j.began.IsZero() && (began.IsZero() || j.began.Before(began)) {
			began = j.began
		}
		if j.ended.After(ended) {
			ended = j.ended
		}
	}
	return began, ended
}
