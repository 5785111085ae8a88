package queue

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Run hears of jobs and runners from other servers, and offers again what was
// not taken in time, until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	heard := q.store.Subscribe(store.ReadyTopic(0), store.RunnerTopic(0), store.SettingsTopic(), store.AccessTopic())
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
		case store.SettingsTopic(), store.AccessTopic():
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

// reconsider asks again for which repositories the runners that wait may work, and
// makes those that may work for more than before look into the database.
func (q *Queue) reconsider(ctx context.Context) {
	q.mu.Lock()
	scopes := make(map[actions.Scope]bool)
	for _, p := range q.waiting {
		scopes[p.runner.Scope] = false
	}
	q.mu.Unlock()
	for sc := range scopes {
		public, err := q.rules.public(ctx, sc)
		if err != nil && ctx.Err() == nil {
			q.log.WarnContext(ctx, "runner group not read", "err", err) // acquiring a job fails, too
		}
		scopes[sc] = public
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.waiting {
		public, asked := scopes[p.runner.Scope]
		if asked && public && !p.public {
			p.wake()
		}
		p.public = p.public && (public || !asked)
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
		if p.runner.ID == runnerID {
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
