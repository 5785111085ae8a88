package logs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// What stands in for the log of a step that came neither by itself nor with that of the
// job: the lines that were shown live, and a last line that says what it is and when the
// server was away. It is a part like any other, so it lasts as long as the logs of the
// run, and whatever comes later counts instead.

// standIn is under which step such a part is kept.
func standIn(step string) string { return standInPrefix + step }

const standInPrefix = "live:"

// uploadDelay is how long after the end of a step its log may still be on its way, while
// the job goes on.
const uploadDelay = 30 * time.Second

// Conclude is for a job that is over: what is known of steps without a log is kept, and
// then live lines are forgotten, and streams of followers end.
func (l *Logs) Conclude(ctx context.Context, job *actions.Job) {
	err := l.settle(ctx, job, never)
	if err != nil {
		l.log.WarnContext(ctx, "live lines not kept", "job", job.ID, "err", err)
	}
	if kind := actions.KindOf(err); err == nil || kind != actions.Internal && kind != actions.Unavailable {
		l.End(job.ID)
	} // else the sweep tries again
}

// settle keeps what is known of the steps without a log that were over by due. It does
// nothing for a step twice.
func (l *Logs) settle(ctx context.Context, job *actions.Job, due time.Time) error {
	silent, err := l.store.SilentSteps(ctx, job.ID, standInPrefix)
	if err != nil || len(silent) == 0 {
		return err
	}
	texts := make(map[*actions.Step]string, len(silent))
	for _, s := range silent {
		if s.CompletedAt.After(due) {
			continue
		}
		if text := l.remembered(job, s); text != "" {
			texts[s] = text
		}
	}
	if len(texts) == 0 {
		return nil
	}
	found, err := l.find(ctx, job, due)
	if err != nil {
		return err
	}
	for s, text := range texts {
		if found.step(s.GUID) != nil {
			continue
		}
		if err := l.PutPart(ctx, job, standIn(s.GUID), 1, strings.NewReader(text)); err != nil {
			return fmt.Errorf("step %s: %w", s.GUID, err)
		}
		l.log.InfoContext(ctx, "log of a step did not arrive", "job", job.ID, "step", s.GUID)
	}
	return nil
}

// remembered is all that is known of what a step has printed; empty for nothing.
func (l *Logs) remembered(job *actions.Job, s *actions.Step) string {
	var b strings.Builder
	next := int64(1)
	for _, c := range l.hub.ofStep(job.ID, s.GUID) {
		stamp := string(wire.AppendLogTime(nil, c.at))
		if c.line > next {
			fmt.Fprintf(&b, "%s##[warning]Lines %d to %d are missing here.\n", stamp, next, c.line-1)
		}
		for _, line := range c.lines {
			b.WriteString(stamp + line + "\n")
		}
		next = c.line + int64(len(c.lines))
	}
	away := l.away(s)
	switch {
	case b.Len() > 0:
		b.Write(wire.AppendLogTime(nil, s.CompletedAt))
		b.WriteString("##[warning]The log of this step did not arrive. These are its lines as they were shown live: long ones are cut, and the last may be missing.")
	case away != "":
		b.Write(wire.AppendLogTime(nil, s.CompletedAt))
		b.WriteString("##[warning]The log of this step did not arrive.")
	default:
		return ""
	}
	return b.String() + away + "\n"
}

const (
	uploadTime = time.Minute // after the end of a step in which its log comes
	maxAway    = 3           // outages that a log names
)

// away says when the server was away while the log of a step could have come; empty if it
// never was. Of several servers the others were there.
func (l *Logs) away(s *actions.Step) string {
	spans := l.outages.Between(s.StartedAt, s.CompletedAt.Add(uploadTime))
	if _, servers := l.store.Rank(); len(spans) == 0 || servers > 1 {
		return ""
	}
	var b strings.Builder
	for i, span := range spans[:min(len(spans), maxAway)] {
		b.WriteString([]string{" The server was away ", ", "}[min(i, 1)] + span.String())
	}
	if more := len(spans) - maxAway; more > 0 {
		fmt.Fprintf(&b, ", and %d more times", more)
	}
	return b.String() + "."
}

// ofStep is what is left of the live lines of a step, in order.
func (h *hub) ofStep(jobID int64, step string) (chunks []chunk) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.jobs[jobID]
	if j == nil {
		return nil
	}
	for _, c := range j.chunks {
		if c.step == step {
			chunks = append(chunks, c)
		}
	}
	return chunks
}
