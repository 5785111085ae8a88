package queue

import (
	"cmp"
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	choice     = 16   // of the oldest jobs for each server, where there are several
	mostPassed = 8    // times that a server prefers a younger job to the oldest
	maxPassed  = 1000 // jobs for which that is counted
)

// pick reserves for r the oldest waiting job that it may take, and returns nil when there
// is none. Where there are several
// servers, it is one of the oldest: see [Queue.choose].
func (q *Queue) pick(ctx context.Context, r *actions.Runner, group *actions.Access) (*Message, error) {
	sets, err := q.waitingSets(ctx)
	if err != nil {
		return nil, err
	}
	share, most := q.share(), 1
	if share.servers > 1 {
		most = choice * int(share.servers)
	}
	for limit := q.reserved() + most; ; limit *= 2 { // most of these are free, unless others are quicker
		if q.isRetired(r.ID) {
			return nil, nil
		}
		var jobs []*store.Waiting
		full := false
		for _, set := range sets {
			if !group.Covers(set.Group) || !r.Has(set.Labels) {
				continue
			}
			oldest, more, err := q.oldest(ctx, set, r.Scope, group, limit)
			if err != nil {
				return nil, err
			}
			full = full || more
			jobs = append(jobs, oldest...)
		}
		slices.SortFunc(jobs, func(a, b *store.Waiting) int { return cmp.Compare(a.ID, b.ID) })
		w := q.reserveOne(jobs, r.ID, most, share)
		switch {
		case w != nil:
			return &Message{Offer: w}, nil
		case !full:
			return nil, nil
		}
	}
}

// oldest lists at least the oldest jobs with one label set, as many as the limit, and
// says whether there may be more. Where some repository's may not be handed out, or the
// group is not for all, it asks for each repository by itself, so that it reads past none
// of the others, of which there may be any number.
func (q *Queue) oldest(ctx context.Context, set *store.LabelSet, sc actions.Scope, group *actions.Access, limit int) (jobs []*store.Waiting, more bool, err error) {
	if group.Open() || sc.RepoID != 0 {
		jobs, err = q.store.NextJobs(ctx, set, sc, limit)
		if err != nil {
			return nil, false, err
		}
		all, err := q.allPermitted(ctx, sc, jobs)
		switch {
		case err != nil:
			return nil, false, err
		case all:
			return jobs, len(jobs) == limit, nil
		case sc.RepoID != 0:
			return nil, false, nil
		}
	}
	repos, err := q.store.WaitingRepositories(ctx, set, sc, group, limit)
	if err != nil {
		return nil, false, err
	}
	jobs, more = nil, len(repos) == limit
	for _, w := range repos {
		if may, err := q.permitted(ctx, sc, w); err != nil || !may {
			if err != nil {
				return nil, false, err
			}
			continue
		}
		some, err := q.nextOf(ctx, set, w, group, limit)
		if err != nil {
			return nil, false, err
		}
		more = more || len(some) == limit
		for _, w := range some {
			if group.Admits(&w.Work) { // whatever has changed since the group was read
				jobs = append(jobs, w)
			}
		}
	}
	return jobs, more, nil
}

// nextOf lists the oldest jobs with one label set of the repository of w.
func (q *Queue) nextOf(ctx context.Context, set *store.LabelSet, w *store.Waiting, group *actions.Access, limit int) ([]*store.Waiting, error) {
	if group.Restricted {
		return q.store.NextJobsOf(ctx, set, w.RepoID, group.Of(w.Repo), limit)
	}
	return q.store.NextJobs(ctx, set, actions.Scope{RepoID: w.RepoID}, limit)
}

// permitted says whether a job may be handed to a runner of a scope.
func (q *Queue) permitted(ctx context.Context, sc actions.Scope, w *store.Waiting) (bool, error) {
	shared, own, err := q.rules.permits(ctx, w)
	if sc.RepoID != 0 {
		return own, err
	}
	return shared, err
}

// allPermitted says whether all of some jobs may be handed to a runner of a scope.
func (q *Queue) allPermitted(ctx context.Context, sc actions.Scope, jobs []*store.Waiting) (bool, error) {
	asked := int64(0)
	for _, w := range jobs {
		if w.RepoID == asked {
			continue
		}
		if may, err := q.permitted(ctx, sc, w); err != nil || !may {
			return false, err
		}
		asked = w.RepoID
	}
	return true, nil
}

// reserveOne reserves one of the first few jobs that are free, and returns nil when
// none is.
func (q *Queue) reserveOne(jobs []*store.Waiting, runnerID int64, most int, s share) *store.Waiting {
	q.mu.Lock()
	defer q.mu.Unlock()
	var free []*store.Waiting
	for _, w := range jobs {
		if len(free) == most {
			break
		}
		if q.free(w.GUID, runnerID) {
			free = append(free, w)
		}
	}
	if len(free) == 0 {
		return nil
	}
	w := q.choose(free, s)
	q.reserve(w, runnerID)
	return w
}

// choose chooses one of the oldest jobs that are free, as far as this server knows. A
// server does not know what others have reserved, so where there are several each
// prefers its share of the jobs: otherwise all would offer the oldest one, and the
// runner of one would get it. What is nobody's own choice does not wait for ever: a job
// is passed over a few times, and then it is the oldest. The caller holds mu.
func (q *Queue) choose(free []*store.Waiting, s share) *store.Waiting {
	oldest := free[0]
	i := slices.IndexFunc(free, s.has)
	if i <= 0 {
		return oldest
	}
	if q.passed[oldest.ID] == mostPassed {
		delete(q.passed, oldest.ID)
		return oldest
	}
	if len(q.passed) >= maxPassed { // most of them are taken by now
		clear(q.passed)
	}
	q.passed[oldest.ID]++
	return free[i]
}

// A share is which jobs a server prefers.
type share struct{ rank, servers uint64 }

func (q *Queue) share() share {
	rank, servers := q.store.Rank()
	return share{uint64(rank), uint64(servers)}
}

// has says whether a job is in the share. It mixes the bits of the id: every second
// job may have the same labels.
func (s share) has(w *store.Waiting) bool {
	return uint64(w.ID)*0x9e3779b97f4a7c15>>32%s.servers == s.rank
}

// waitingSets lists the label sets that jobs wait with. They are read again when
// a job has become ready, here or on another server.
func (q *Queue) waitingSets(ctx context.Context) ([]*store.LabelSet, error) {
	revision := q.store.Revision(store.ReadyTopic(0))
	q.mu.Lock()
	revision += q.ready
	q.mu.Unlock()
	return q.sets.FindAt(struct{}{}, revision, func() ([]*store.LabelSet, error) { return q.store.WaitingLabelSets(ctx) })
}

// reserved counts the jobs that are reserved for somebody.
func (q *Queue) reserved() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.offers)
}
