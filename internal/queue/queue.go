// Package queue brings queued jobs and runners together.
//
// A runner waits in [Queue.Message]; a job that becomes ready is offered at once
// to one runner that carries all of its labels, is in its group, and serves its repository
// ([Queue.Wake], called after the commit). The offer reserves the job in memory
// only: for a short while until the runner acknowledges it, then for as long as
// it may take to acquire it. What is not acquired in time is offered again, and
// two offers of one job do no harm, because [Queue.Acquire] is one statement in
// the database that only one of them wins.
//
// The database is the truth. A runner that starts to wait looks for the oldest
// job it may take, through an index by label set, so jobs that nobody can take
// cost nothing. Where servers share a database, each prefers its share of the oldest
// jobs, since it does not know what others have offered. A job for which no runner
// waits here is announced to the other servers, each of which may offer it; the
// runner of one gets it. [Queue.Run] hears them, offers again what lapsed, and makes
// every runner that waits look again from time to time, so that a lost notice costs
// half a minute, never a job.
//
// A runner is offered only jobs that its group admits ([actions.Access]). What a group is
// for, and which group the runner is in, is looked at when it begins to wait and whenever
// it may have changed, and once more when it acquires the job. So is whether the job's
// repository has Actions enabled: if not, its jobs wait, and cost nobody a look at more
// than one of them.
//
// A busy runner waits in [Queue.Message] too, for the cancellation of its job.
package queue

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// How long things may take. The last two are what the runner protocol advises
// (SES-4, END-1).
const (
	toAcknowledge = 10 * time.Second // offer → acknowledge
	toAcquire     = 2 * time.Minute  // acknowledge → acquire
	settle        = 2 * time.Second  // acquire → first cancellation message
	tellAgain     = time.Minute      // cancellation message → its repetition
	staleRead     = 2 * time.Second  // no read of the database takes longer than this
	lapseCheck    = time.Second      // between looks at what was offered and not taken
)

// A Message is what a waiting runner is told. Exactly one field is set.
type Message struct {
	Offer  *store.Waiting // acquire this job
	Cancel *actions.Job   // stop this job
}

// A Queue is safe for concurrent use.
type Queue struct {
	store *store.Store
	log   *slog.Logger
	now   func() time.Time
	lease time.Duration

	rules Rules

	mu      sync.Mutex
	waiting []*poll             // idle runners, longest wait first
	busy    map[int64]*poll     // by runner
	offers  map[string]*offer   // by job GUID
	gone    map[string]bool     // by job GUID: stopped waiting less than staleRead ago
	leaving []departure         // of gone, in the order of time
	told    map[int64]time.Time // by job: when its runner heard of the cancellation
	ready   uint64              // jobs that became ready here
	retired map[int64]bool      // runners that get no further job
	passed  map[int64]int       // by job: how often a younger one was preferred

	sets *recent.Cache[struct{}, []*store.LabelSet] // that jobs wait with
}

// A poll is one runner that waits. A message is put into ch at most once; poke
// makes it look into the database now.
type poll struct {
	id   int64 // of the runner
	ch   chan *Message
	poke chan struct{}
	over chan struct{} // closed when the runner waits anew: this one's connection is dead

	// Guarded by Queue.mu. What the pointers lead to does not change.
	runner *actions.Runner // as it was when it last looked into the database
	looked bool            // the database had nothing for it
	group  *actions.Access // what its group is for; nil before that is known
}

// A departure is when a job stopped waiting.
type departure struct {
	guid string
	at   time.Time
}

// An offer reserves a job for one runner.
type offer struct {
	job          *store.Waiting
	runnerID     int64
	until        time.Time
	acknowledged bool
}

// Rules say who works for whom. They are asked outside of transactions, at each poll and
// before a job is acquired; a nil one allows everything.
type Rules struct {
	// Access says what the group of a runner is for, by its scope and GroupID.
	Access func(ctx context.Context, r *actions.Runner) (*actions.Access, error)

	// Permits says whether a job may be handed out: to a runner that several repositories
	// share, and to one of its own repository.
	Permits func(ctx context.Context, w *store.Waiting) (shared, own bool, err error)
}

func (r Rules) access(ctx context.Context, of *actions.Runner) (*actions.Access, error) {
	if r.Access == nil {
		return &actions.Access{GroupID: actions.DefaultGroupID, Scope: of.Scope, Name: actions.DefaultGroup, Public: true}, nil
	}
	return r.Access(ctx, of)
}

func (r Rules) permits(ctx context.Context, w *store.Waiting) (shared, own bool, err error) {
	if r.Permits == nil {
		return true, true, nil
	}
	return r.Permits(ctx, w)
}

// New makes a queue. lease is how long a runner holds a job without renewing it.
func New(st *store.Store, log *slog.Logger, lease time.Duration, now func() time.Time, rules Rules) *Queue {
	return &Queue{
		rules: rules, store: st, log: log, now: now, lease: lease,
		busy: make(map[int64]*poll), offers: make(map[string]*offer), told: make(map[int64]time.Time),
		gone: make(map[string]bool), retired: make(map[int64]bool), passed: make(map[int64]int),
		sets: recent.New[struct{}, []*store.LabelSet](1, 1),
	}
}

// Message waits until there is something to tell runner r, and returns nil when
// ctx ends first, or when the runner asks again meanwhile. An idle runner is
// offered a job; one that is busy learns that its job was cancelled. A message
// that could not be delivered comes again.
func (q *Queue) Message(ctx context.Context, r *actions.Runner, idle bool) (*Message, error) {
	p := &poll{id: r.ID, runner: r, ch: make(chan *Message, 1), poke: make(chan struct{}, 1), over: make(chan struct{})}
	q.enter(p, idle)
	defer q.leave(p, idle)
	for {
		m, err := q.look(ctx, p, r, idle)
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		if m == nil {
			q.foundNothing(p)
			select {
			case m = <-p.ch:
			case <-p.poke:
				continue
			case <-p.over:
				return nil, nil
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			q.takeBack(m, r.ID)
			return nil, nil
		}
		if m != nil {
			q.delivered(m)
			return m, nil
		}
	}
}

// look looks into the database for what there is to tell a runner.
func (q *Queue) look(ctx context.Context, p *poll, r *actions.Runner, idle bool) (*Message, error) {
	if !idle {
		return q.cancellation(ctx, r)
	}
	r, group, err := q.today(ctx, r)
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	p.runner, p.group = r, group
	q.mu.Unlock()
	return q.pick(ctx, r, group)
}

func (q *Queue) enter(p *poll, idle bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if idle {
		q.waiting = slices.DeleteFunc(q.waiting, func(x *poll) bool {
			if x.id != p.id {
				return false
			}
			close(x.over)
			return true
		})
		q.waiting = append(q.waiting, p)
		return
	}
	if x := q.busy[p.id]; x != nil {
		close(x.over)
	}
	q.busy[p.id] = p
}

// leave ends the wait. A message that was put into the channel meanwhile is not
// lost: an offer is free again, and a cancellation is found in the database.
func (q *Queue) leave(p *poll, idle bool) {
	q.mu.Lock()
	if idle {
		q.waiting = slices.DeleteFunc(q.waiting, func(x *poll) bool { return x == p })
	} else if q.busy[p.id] == p {
		delete(q.busy, p.id)
	}
	q.mu.Unlock()
	select {
	case m := <-p.ch:
		q.takeBack(m, p.id)
	default:
	}
}

func (q *Queue) foundNothing(p *poll) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.looked = true
}

// Idle counts the idle runners that wait here, have looked for a job and found none:
// a job that becomes ready now reaches them by a wake-up.
func (q *Queue) Idle() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.waiting {
		if p.looked {
			n++
		}
	}
	return n
}

func (q *Queue) takeBack(m *Message, runnerID int64) {
	if m == nil || m.Offer == nil {
		return
	}
	q.mu.Lock()
	if o := q.offers[m.Offer.GUID]; o != nil && o.runnerID == runnerID {
		delete(q.offers, m.Offer.GUID)
	}
	q.mu.Unlock()
	q.Wake(m.Offer)
}

func (q *Queue) delivered(m *Message) {
	if m.Cancel == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	maps.DeleteFunc(q.told, func(_ int64, at time.Time) bool { return now.Sub(at) >= tellAgain })
	q.told[m.Cancel.ID] = now
}

// Wake offers a job that has just become ready to the runner that has waited
// longest among those that may take it. If there is none, the other servers are
// told, and the job waits.
func (q *Queue) Wake(w *store.Waiting) {
	if !q.offer(w) {
		q.store.Announce(store.ReadyTopic(w.ID))
	}
}

// offer offers a job to a runner that waits here. It is false when there is none.
func (q *Queue) offer(w *store.Waiting) bool {
	ctx, cancel := context.WithTimeout(context.Background(), staleRead)
	defer cancel()
	shared, own, err := q.rules.permits(ctx, w)
	if err != nil {
		q.log.WarnContext(ctx, "job not offered", "job", w.ID, "err", err) // who looks again finds it
	}
	taken, refused, covered := q.give(w, shared, own)
	switch {
	case taken:
	case refused != nil:
		q.log.InfoContext(ctx, "job waits: the group of the runners that are idle is not for it", "job", w.ID, "repo", w.Repo, "group", refused.Name, "why", refused.Refusal(&w.Work))
	case !covered && w.Group != "":
		q.log.InfoContext(ctx, "job waits: no runner of its group is idle", "job", w.ID, "repo", w.Repo, "group", w.Group)
	}
	return taken
}

// give offers a job to a runner that waits, unless it is taken already. Where it is not,
// it says which group refused it to a runner that could do it otherwise, and whether any
// runner waits that is of the group that the job names.
func (q *Queue) give(w *store.Waiting, shared, own bool) (taken bool, refused *actions.Access, covered bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ready++
	if !q.free(w.GUID, 0) {
		return true, nil, true
	}
	for i, p := range q.waiting {
		permitted := shared
		if p.runner.Scope.RepoID != 0 {
			permitted = own
		}
		if !permitted || q.retired[p.id] || p.group == nil || !p.runner.Serves(w.OwnerID, w.RepoID) || !p.group.Covers(w.Group) {
			continue
		}
		covered = true
		switch {
		case !p.runner.Has(w.Labels):
		case !p.group.Admits(&w.Work):
			refused = p.group
		default:
			q.reserve(w, p.id)
			q.waiting = slices.Delete(q.waiting, i, i+1) // it gets one message
			p.ch <- &Message{Offer: w}
			return true, nil, true
		}
	}
	return false, refused, covered
}

// free says whether the job still waits, as far as memory knows, and is reserved
// for nobody, or for this runner. The caller holds mu.
func (q *Queue) free(guid string, runnerID int64) bool {
	if q.gone[guid] {
		return false
	}
	o := q.offers[guid]
	return o == nil || o.runnerID == runnerID || q.now().After(o.until)
}

// reserve keeps the job for a runner until it should have acknowledged. The
// caller holds mu.
func (q *Queue) reserve(w *store.Waiting, runnerID int64) {
	q.offers[w.GUID] = &offer{job: w, runnerID: runnerID, until: q.now().Add(toAcknowledge)}
}

// Acknowledge gives the runner time to acquire the job it was offered. False
// means that the offer is no longer its own.
func (q *Queue) Acknowledge(runnerID int64, guid string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	o := q.offers[guid]
	if o == nil || o.runnerID != runnerID {
		return false
	}
	if !o.acknowledged {
		o.acknowledged, o.until = true, q.now().Add(toAcquire)
	}
	return true
}

// Release drops what is reserved for a runner: it starts anew, or is gone.
func (q *Queue) Release(runnerID int64) {
	q.mu.Lock()
	var freed []*store.Waiting
	for guid, o := range q.offers {
		if o.runnerID == runnerID {
			freed = append(freed, o.job)
			delete(q.offers, guid)
		}
	}
	q.mu.Unlock()
	for _, w := range freed {
		q.Wake(w)
	}
}
