package repository

import (
	"context"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	afterPush   = 10 * time.Second // in which more pushes may come
	maintainAll = 24 * time.Hour   // between looks at every repository
)

// Run keeps the files of repositories few, until ctx ends: those of repositories that
// were pushed to a short time after, and those of all of them at start and once a
// day, since a notice or a server can be lost. It works on one repository at a time,
// and no push waits for it. What fails for a repository is tried again the next day.
func (s *Repositories) Run(ctx context.Context) error {
	changed := s.store.Subscribe(store.RecordTopic(0))
	defer changed.Close()
	daily := time.NewTicker(maintainAll)
	defer daily.Stop()
	failed := s.maintainAll(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-daily.C:
			failed = s.maintainAll(ctx)
		case <-changed.C():
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(afterPush):
			}
			topics, _ := changed.Take() // when anything may have changed, tomorrow is soon enough
			for _, t := range topics {
				if !failed[t.ID] && !s.maintain(ctx, t.ID) {
					failed[t.ID] = true
				}
			}
		}
	}
}

// maintainAll maintains every repository and finishes each fork, and returns those that could
// not be maintained.
func (s *Repositories) maintainAll(ctx context.Context) (failed map[int64]bool) {
	failed = make(map[int64]bool)
	s.deleteLeftFiles(ctx)
	for after := int64(0); ctx.Err() == nil; {
		repos, err := s.store.RepositoriesAfter(ctx, after, some)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "repositories not maintained", "err", err)
		}
		if err != nil || len(repos) == 0 {
			return failed
		}
		for _, repo := range repos {
			if err := s.finish(ctx, repo); err != nil && ctx.Err() == nil {
				s.log.WarnContext(ctx, "fork left without its files", "repo", repo.ID, "err", err)
			}
			if !s.maintain(ctx, repo.ID) {
				failed[repo.ID] = true
			}
			after = repo.ID
		}
	}
	return failed
}

// maintain is false when it failed.
func (s *Repositories) maintain(ctx context.Context, id int64) bool {
	err := s.git.Maintain(ctx, id)
	if err == nil || ctx.Err() != nil || actions.KindOf(err) == actions.NotFound {
		return true
	}
	s.log.WarnContext(ctx, "repository not maintained", "repo", id, "err", err)
	return false
}
