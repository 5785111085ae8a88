package bench

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/store/seed"
)

// runLists compares the lists of a repository with many runs with those of one with
// few, asked in turns, on each database there is.
func runLists(ctx context.Context, b *bench) ([]Row, error) {
	rows, err := b.runListsOf(ctx, "", b.serveAlone, b.seed)
	if err != nil || b.Postgres == "" {
		return rows, err
	}
	var c *cluster
	more, err := b.runListsOf(ctx, " on PostgreSQL",
		func(ctx context.Context) (_ *server, stop func(), err error) {
			if c, err = b.serveMany(ctx, 1); err != nil {
				return nil, nil, err
			}
			return c.servers[0], c.stop, nil
		},
		func(*server) (*seed.Seed, error) { return seed.OpenPostgres(c.database, b.Now()) })
	return append(rows, more...), err
}

func (b *bench) serveAlone(ctx context.Context) (*server, func(), error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, nil, err
	}
	return s, s.stop, nil
}

// A listing is a question for a list of runs.
type listing struct {
	what, query string
	ofFew       string // what the repository with few is asked instead; empty for the same
}

// parameters narrow lists of runs. Of the runs of [seed.Seed.History], many fit each.
func parameters() []listing {
	return []listing{
		{what: "actor", query: "actor=" + login},
		{what: "branch", query: "branch=main"},
		{what: "event", query: "event=schedule"},
		{what: "conclusion", query: "status=failure"},
		{what: "status", query: "status=completed"},
		{what: "created", query: "created=%3E%3D2020-01-01"},
		{what: "head_sha", query: "head_sha=sha-7"},
	}
}

func (b *bench) runListsOf(ctx context.Context, where string, serve func(context.Context) (*server, func(), error), open func(*server) (*seed.Seed, error)) ([]Row, error) {
	s, stop, err := serve(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	few, err := s.listed(ctx, "few")
	if err != nil {
		return nil, err
	}
	many, err := s.listed(ctx, "many")
	if err != nil {
		return nil, err
	}
	s.halt()
	if err := b.fillHistory(ctx, s, open, few, many); err != nil {
		return nil, err
	}
	if err := s.again(ctx); err != nil {
		return nil, err
	}
	c, err := dial(ctx, s.url)
	if err != nil {
		return nil, err
	}
	defer c.close()
	ask := func(what string, questions ...listing) (Row, error) {
		var less, more time.Duration
		slowest := ""
		for _, q := range questions {
			l, m, err := b.listBoth(c, s, few, many, cmp.Or(q.ofFew, q.query), q.query)
			if err != nil {
				return Row{}, fmt.Errorf("%s: %w", q.what, err)
			}
			if slowest == "" || float64(m)/float64(l) > float64(more)/float64(less) {
				less, more, slowest = l, m, q.what
			}
		}
		reference := fmt.Sprintf("with %d: %s", b.listFew, millis(less))
		if len(questions) > 1 {
			reference += fmt.Sprintf("; the worst of %d: %s", len(questions), slowest)
		}
		return Row{
			What:   fmt.Sprintf("list runs of a repository with %d, of %d jobs each%s, %s, median of %d", b.listMany, b.historyJobs, where, what, b.listRounds),
			Figure: millis(more), Goal: fmt.Sprintf("≤ 2× with %d", b.listFew), Met: more <= 2*less, Reference: reference,
			Values: []Value{cost("list runs of very many"+where+", "+what, more)},
		}, nil
	}
	const runs = "/actions/runs?per_page=30"
	var single, pairs []listing
	for i, p := range parameters() {
		single = append(single, listing{what: p.what, query: runs + "&" + p.query})
		for _, q := range parameters()[:i] {
			if p.what != "status" || q.what != "conclusion" { // which are one parameter
				pairs = append(pairs, listing{what: q.what + " and " + p.what, query: runs + "&" + q.query + "&" + p.query})
			}
		}
	}
	var rows []Row
	for _, q := range []struct {
		what      string
		questions []listing
	}{
		{"first page", []listing{{query: runs}}},
		{"page 1000 of one run each", []listing{{query: "/actions/runs?per_page=1&page=1000"}}},
		{"page 1000, against the first page", []listing{{query: runs + "&page=1000", ofFew: runs}}},
		{"jobs of a run", []listing{{query: "/actions/runs/{run}/jobs?per_page=30"}}},
		{"each parameter", single},
		{"each pair of parameters", pairs},
	} {
		row, err := ask(q.what, q.questions...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// fillHistory gives one repository few runs and the other many.
func (b *bench) fillHistory(ctx context.Context, s *server, open func(*server) (*seed.Seed, error), few, many *seeded) error {
	rows, err := open(s)
	if err != nil {
		return err
	}
	for _, fill := range []struct {
		id int64
		n  int
	}{{few.id, b.listFew}, {many.id, b.listMany}} {
		if err := rows.History(ctx, fill.id, fill.n-1, b.historyJobs); err != nil {
			return err
		}
	}
	return rows.Close()
}
