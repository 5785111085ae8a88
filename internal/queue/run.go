package queue

import (
	"context"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Run hears of jobs and runners from other servers, and offers again what was
// not taken in time, until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	heard := q.store.Subscribe(store.ReadyTopic(0), store.RunnerTopic(0), store.SettingsTopic(), store.AccessTopic(), store.GroupsTopic())
	defer heard.Close()
	q.pokeAll() // those that wait already have not heard what came before
	tick := time.NewTicker(lapseCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-heard.C():
			topics, all := heard.Take()
			if all {
				q.pokeAll()
			}
			q.hear(ctx, topics)
		case <-tick.C:
			for _, w := range q.lapsed() {
				q.wakeUnlessTaken(ctx, w.ID, q.Wake)
			}
		}
	}
}

func (q *Queue) hear(ctx context.Context, topics []store.Topic) {
	groups := false
	for _, t := range topics {
		switch t {
		case store.SettingsTopic(), store.AccessTopic(), store.GroupsTopic():
			groups = true
		case store.RunnerTopic(t.ID):
			q.poke(t.ID)
		default:
			q.wakeUnlessTaken(ctx, t.ID, func(w *store.Waiting) { q.offer(w) })
		}
	}
	if groups {
		q.reconsider(ctx)
	}
}

// reconsider asks again what the groups of the runners that wait are for, and in which
// group each is, and makes those for which that has changed look into the database.
func (q *Queue) reconsider(ctx context.Context) {
	q.mu.Lock()
	waiting, runners := slices.Clone(q.waiting), make([]actions.Runner, len(q.waiting))
	ids := make([]int64, len(waiting))
	for i, p := range waiting {
		runners[i], ids[i] = *p.runner, p.id
	}
	q.mu.Unlock()
	in, err := q.store.RunnerGroupIDs(ctx, ids)
	if err != nil {
		if ctx.Err() == nil {
			q.log.WarnContext(ctx, "runner groups not read", "err", err) // acquiring a job fails, too
		}
		return
	}
	for i, p := range waiting {
		runners[i].GroupID = in[p.id]
		group, err := q.rules.access(ctx, &runners[i])
		if err != nil && actions.KindOf(err) != actions.NotFound && ctx.Err() == nil {
			q.log.WarnContext(ctx, "runner group not read", "runner", p.id, "err", err)
		}
		q.regroup(p, group)
	}
}

// regroup notes what the group of a waiting runner is for, nil for nothing, and makes the
// runner look again where that is not what it was.
func (q *Queue) regroup(p *poll, group *actions.Access) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if group != nil && p.group != nil && group.Equal(p.group) {
		return
	}
	p.group = group
	p.wake()
}

// today is a runner with its labels and its group as they are now, and what the group is
// for. One that is gone is as it was, and gets no job.
func (q *Queue) today(ctx context.Context, r *actions.Runner) (*actions.Runner, *actions.Access, error) {
	for again := true; ; again = false {
		now, err := q.store.Runner(ctx, r.ID)
		gone := actions.KindOf(err) == actions.NotFound
		if gone {
			now, err = r, nil
		}
		if err != nil {
			return nil, nil, err
		}
		group, err := q.rules.access(ctx, now)
		if again && !gone && actions.KindOf(err) == actions.NotFound {
			continue // the group was deleted after the runner was read, which is in another now
		}
		return now, group, err
	}
}

// wakeUnlessTaken wakes the queue for a job if it still waits: it may have been
// acquired through another server.
func (q *Queue) wakeUnlessTaken(ctx context.Context, jobID int64, wake func(*store.Waiting)) {
	w, err := q.store.WaitingJob(ctx, jobID)
	switch {
	case err == nil:
		wake(w)
	case actions.KindOf(err) != actions.NotFound && ctx.Err() == nil:
		q.log.WarnContext(ctx, "job not offered", "job", jobID, "err", err) // who looks again finds it
	}
}

// lapsed forgets the offers whose time is over, and returns their jobs.
func (q *Queue) lapsed() (jobs []*store.Waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for guid, o := range q.offers {
		if now.After(o.until) {
			delete(q.offers, guid)
			jobs = append(jobs, o.job)
		}
	}
	return jobs
}

// poke makes a runner that waits look into the database now.
func (q *Queue) poke(runnerID int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.busy[runnerID]; p != nil {
		p.wake()
	}
	for _, p := range q.waiting {
		if p.id == runnerID {
			p.wake()
		}
	}
}

func (q *Queue) pokeAll() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.busy {
		p.wake()
	}
	for _, p := range q.waiting {
		p.wake()
	}
}

func (p *poll) wake() {
	select {
	case p.poke <- struct{}{}:
	default: // poked already
	}
}
