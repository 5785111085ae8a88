package bench

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/understudy-ci/understudy/internal/store/seed"
)

const (
	listFew    = 1_000
	listMany   = 1_000_000
	listInRun  = 25
	listRounds = 200
)

// artifactLists compares the lists of a repository with many artifacts with
// those of one with few, asked in turns.
func artifactLists(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { s.stop() }()
	few, err := s.listed(ctx, "few")
	if err != nil {
		return nil, err
	}
	many, err := s.listed(ctx, "many")
	if err != nil {
		return nil, err
	}
	s.halt()
	if err := b.fill(ctx, s, few, many); err != nil {
		return nil, err
	}
	again, err := b.restart(ctx, s)
	if err != nil {
		return nil, err
	}
	s = again
	c, err := dial(ctx, s.url)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var rows []Row
	for _, q := range []struct{ what, path string }{
		{"first page", "/actions/artifacts?per_page=30"},
		{"by name", "/actions/artifacts?per_page=30&name=artifact-7"},
		{"of one run", "/actions/runs/%d/artifacts?per_page=30"},
	} {
		var took [2][]time.Duration
		for i := range listRounds {
			for k, r := range []*seeded{few, many} {
				path := r.repo.path("%s&round=%d", q.path, i) // a question that was never asked is not remembered
				if q.what == "of one run" {
					path = r.repo.path("/actions/runs/%d/artifacts?per_page=30&round=%d", r.run, i)
				}
				began := b.Now()
				if _, err := c.expect(http.MethodGet, "/api/v3"+path, "Bearer "+s.user.token, nil); err != nil {
					return nil, err
				}
				took[k] = append(took[k], b.since(began))
			}
		}
		less, more := median(took[0]), median(took[1])
		rows = append(rows, Row{
			What:   fmt.Sprintf("list artifacts of a repository with %d, %s, median of %d", listMany, q.what, listRounds),
			Figure: millis(more), Goal: fmt.Sprintf("≤ 2× with %d", listFew), Met: more <= 2*less,
			Reference: fmt.Sprintf("with %d: %s", listFew, millis(less)),
		})
	}
	return rows, nil
}

// A seeded is a repository with rows that came from nowhere.
type seeded struct {
	repo *repo
	id   int64
	run  int64 // its first
}

// listed makes a repository with one run.
func (s *server) listed(ctx context.Context, name string) (*seeded, error) {
	r, err := s.repository(ctx, name, false, map[string]string{"none.yml": readWorkflow})
	if err != nil {
		return nil, err
	}
	v := &seeded{repo: r}
	var made struct{ ID int64 }
	if err := r.api.do(ctx, http.MethodGet, r.path(""), nil, &made); err != nil {
		return nil, err
	}
	v.id = made.ID
	if v.run, err = r.dispatch(ctx, "none.yml"); err != nil {
		return nil, err
	}
	return v, nil
}

// seed opens the database of a server that has been halted.
func (b *bench) seed(s *server) (*seed.Seed, error) {
	return seed.Open(filepath.Join(s.data, "understudy.db"), b.Now())
}

// fill gives one repository few artifacts and the other many.
func (b *bench) fill(ctx context.Context, s *server, few, many *seeded) error {
	rows, err := b.seed(s)
	if err != nil {
		return err
	}
	for id, n := range map[int64]int{few.id: listFew, many.id: listMany} {
		if err := rows.Runs(ctx, id, n/listInRun-1); err != nil {
			return err
		}
		if err := rows.Artifacts(ctx, id, listInRun); err != nil {
			return err
		}
	}
	return rows.Close()
}

// restart starts a server that has been halted on its data directory again, at
// another address.
func (b *bench) restart(ctx context.Context, s *server) (*server, error) {
	again, err := b.start(ctx, s.data, 0)
	if err != nil {
		return nil, err
	}
	again.admin, again.user = api{again.url + "/api/v3", s.admin.token}, api{again.url + "/api/v3", s.user.token}
	return again, nil
}

// in is the repository on a server that was started again.
func (r *repo) in(s *server) *repo {
	other := *r
	other.api = s.user
	return &other
}
