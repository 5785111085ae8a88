package bench

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/store/seed"
)

const (
	listInRun  = 25  // artifacts
	listInFull = 400 // of the other runs, where they are uploaded; a job may have 500
)

// artifactLists compares the lists of a repository with many artifacts with
// those of one with few, asked in turns.
func artifactLists(ctx context.Context, b *bench) ([]Row, error) {
	fill := b.seedLists
	if !b.references {
		fill = b.uploadLists
	}
	s, few, many, err := fill(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	c, err := dial(ctx, s.url)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var rows []Row
	for _, q := range []struct{ what, path string }{
		{"first page", "/actions/artifacts?per_page=30"},
		{"by name", "/actions/artifacts?per_page=30&name=artifact-7"},
		{"of one run", "/actions/runs/{run}/artifacts?per_page=30"},
	} {
		less, more, err := b.listBoth(c, s, few, many, q.path, q.path)
		if err != nil {
			return nil, err
		}
		rows = append(rows, Row{
			What:   fmt.Sprintf("list artifacts of a repository with %d, %s, median of %d", b.listMany, q.what, b.listRounds),
			Figure: millis(more), Goal: fmt.Sprintf("≤ 2× with %d", b.listFew), Met: more <= 2*less,
			Reference: fmt.Sprintf("with %d: %s", b.listFew, millis(less)),
			Values:    []Value{cost("list artifacts of very many, "+q.what, more)},
		})
	}
	return rows, nil
}

// listBoth asks both repositories in turns, each its question, and returns the median
// of each. What was never asked is not remembered.
func (b *bench) listBoth(c *conn, s *server, few, many *seeded, ofFew, ofMany string) (less, more time.Duration, err error) {
	var took [2][]time.Duration
	for i := range b.listRounds {
		for k, r := range []*seeded{few, many} {
			path := []string{ofFew, ofMany}[k]
			path = r.repo.path("%s&round=%d", strings.Replace(path, "{run}", strconv.FormatInt(r.run, 10), 1), i)
			began := b.Now()
			if _, err := c.expect(http.MethodGet, "/api/v3"+path, "Bearer "+s.user.Token(), nil); err != nil {
				return 0, 0, err
			}
			took[k] = append(took[k], b.since(began))
		}
	}
	return median(took[0]), median(took[1]), nil
}

// seedLists writes artifacts into the database of a server that has been halted.
func (b *bench) seedLists(ctx context.Context) (_ *server, few, many *seeded, err error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	if few, err = s.listed(ctx, "few"); err != nil {
		return nil, nil, nil, err
	}
	if many, err = s.listed(ctx, "many"); err != nil {
		return nil, nil, nil, err
	}
	s.halt()
	if err = b.fill(ctx, s, few, many); err != nil {
		return nil, nil, nil, err
	}
	again, err := b.restart(ctx, s)
	return again, few, many, err
}

// uploadLists uploads artifacts as jobs do: fewer than can be seeded, to a
// program of any version. The first run of a repository has listInRun of them.
func (b *bench) uploadLists(ctx context.Context) (_ *server, few, many *seeded, err error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, nil, nil, err
	}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	w, err := s.newSimulator(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	if few, err = s.uploaded(ctx, w, "few", b.listFew); err != nil {
		return nil, nil, nil, err
	}
	many, err = s.uploaded(ctx, w, "many", b.listMany)
	return s, few, many, err
}

// uploaded makes a repository with n artifacts, in runs of one job.
func (s *server) uploaded(ctx context.Context, w *simulator, name string, n int) (*seeded, error) {
	r, err := s.repository(ctx, name, false, map[string]string{"many.yml": jobsWorkflow(1)})
	if err != nil {
		return nil, err
	}
	v, content := &seeded{repo: r}, []byte(strings.Repeat("x", smallSize))
	digest, ids := digestOf(content), blockIDs(1)
	var group errgroup.Group
	for of, left := listInRun, n; left > 0; of, left = min(listInFull, left-of), left-of {
		run, err := r.dispatch(ctx, "many.yml")
		if err != nil {
			return nil, err
		}
		v.run = cmp.Or(v.run, run)
		runner, err := w.start(ctx, fmt.Sprintf("%s-%d", name, left))
		if err != nil {
			return nil, err
		}
		j, err := runner.take()
		if err != nil {
			return nil, err
		}
		group.Go(func() error {
			defer runner.c.close()
			u := &uploader{runner.c, j}
			for i := range of {
				if err := u.upload(fmt.Sprint("artifact-", i+1), content, digest, ids); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return v, group.Wait()
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
	if err := r.api.Do(ctx, http.MethodGet, r.path(""), nil, &made); err != nil {
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
	for id, n := range map[int64]int{few.id: b.listFew, many.id: b.listMany} {
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
	return again, again.use(s)
}
