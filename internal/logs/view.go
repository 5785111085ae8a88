package logs

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A runner has a connection of its own for live lines. It may lose it while the job goes
// on, and GitHub's runner then tries again only after ten minutes. People who follow
// the job must be told, or they take it for one that prints nothing.

const (
	viewPatience = 10 * time.Second // for which a runner may be without a connection

	// At another server the connection counts as open for so long after that server
	// has said so, which it does when it hears that the job is followed.
	viewElsewhere = 2*watchAgain + viewPatience

	viewPiece = "view" // stands for a step in what a server with a connection tells others
)

// A View is what has become of the live view of a job.
type View string

// What an [Event] can say of the live view.
const (
	ViewGone View = "gone" // no live lines will come for now
	ViewBack View = "back" // they do again
)

// Connected notes that the runner of a job has opened a connection for live lines, until
// closed is called.
func (l *Logs) Connected(jobID int64) (closed func()) {
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.job(jobID)
	j.own = true
	j.open++
	h.tellView(jobID, j)
	j.wake()
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		j.open--
		j.closed = l.now()
		j.wake()
	}
}

// connected says whether the runner of a job has a connection to this server.
func (h *hub) connected(jobID int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.jobs[jobID]
	return j != nil && j.open > 0
}

// ViewGone says whether nobody gets live lines of the job now, though it is in progress.
// Where there are other servers, one that nobody follows the job at does not know, and says no.
func (l *Logs) ViewGone(job *actions.Job) bool {
	at := l.viewGoneAt(job)
	return !at.IsZero() && !l.now().Before(at)
}

// viewGoneAt is from when the live view of a job counts as gone, as far as is known now;
// zero for never.
func (l *Logs) viewGoneAt(job *actions.Job) time.Time {
	if job.Status != actions.InProgress {
		return time.Time{}
	}
	_, servers := l.store.Rank()
	h := l.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	at := later(h.began, job.StartedAt)
	j := h.jobs[job.ID]
	if j != nil {
		if j.open > 0 {
			return time.Time{}
		}
		at = later(at, j.closed)
	}
	if servers == 1 {
		return at.Add(viewPatience)
	}
	if j == nil || len(j.followers) == 0 {
		return time.Time{}
	}
	return later(later(at, j.asked).Add(viewPatience), j.elsewhere)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// tellView has servers that have followers of the job told that the connection is open.
// The caller holds mu.
func (h *hub) tellView(jobID int64, j *live) {
	if _, ok := h.watched[jobID]; ok && j.open > 0 {
		j.tellView = true
		h.tell()
	}
}

// hearView notes that another server has the connection. The caller holds mu.
func (j *live) hearView(now time.Time) {
	j.elsewhere = now.Add(viewElsewhere)
	j.wake()
}

// view tells the follower whether the live view is gone, at first and when that changes. What it
// returns comes when that is to be looked at again. ok is false when ctx is done.
func (f *follower) view(ctx context.Context) (again <-chan time.Time, ok bool) {
	at, now := f.logs.viewGoneAt(f.job), f.logs.now()
	gone := !at.IsZero() && !now.Before(at)
	if gone != f.gone || !f.toldView {
		f.gone, f.toldView = gone, true
		e := Event{View: ViewBack}
		if gone {
			e.View = ViewGone
		}
		select {
		case f.events <- e:
		case <-ctx.Done():
			return nil, false
		}
	}
	if gone || at.IsZero() {
		return nil, true
	}
	return time.After(at.Sub(now)), true
}
