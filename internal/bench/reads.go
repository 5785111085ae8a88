package bench

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	readRuns   = 1000
	readTime   = 2 * time.Second
	readRounds = 3
)

// readWorkflow makes runs that are over at once: their only job is skipped.
const readWorkflow = `on: workflow_dispatch
jobs:
  none:
    if: false
    runs-on: ubuntu-latest
    steps:
      - run: "true"
`

// reads loads the server and, in turns with it, a handler that does nothing but
// write the same answer.
func reads(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	r, err := s.repository(ctx, "reads", false, map[string]string{"none.yml": readWorkflow})
	if err != nil {
		return nil, err
	}
	if err := r.dispatchMany(ctx, "none.yml", readRuns); err != nil {
		return nil, err
	}
	var list struct {
		Total int   `json:"total_count"`
		Runs  []run `json:"workflow_runs"`
	}
	if err := r.api.do(ctx, http.MethodGet, r.path("/actions/runs"), nil, &list); err != nil {
		return nil, err
	}
	if list.Total != readRuns || len(list.Runs) == 0 {
		return nil, fmt.Errorf("there are %d runs, not %d", list.Total, readRuns)
	}
	load, name := b.loader()
	var rows []Row
	for _, q := range []struct{ what, path, peers string }{
		{fmt.Sprintf("list 30 runs out of %d", readRuns), r.path("/actions/runs?per_page=30"), "20–95/s"},
		{"get one run", r.path("/actions/runs/%d", list.Runs[len(list.Runs)/2].ID), "80–250/s"},
	} {
		got, bare, size, err := b.compare(ctx, load, s, "/api/v3"+q.path, "Bearer "+s.user.token)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.what, err)
		}
		rows = append(rows, Row{
			What:   fmt.Sprintf("REST with a token, %s: %s", name, q.what),
			Figure: fmt.Sprintf("%.0f/s, %.0f %% of a bare handler", got, 100*got/bare),
			Goal:   "≥ 50 % of a bare handler", Met: got >= bare/2,
			Reference: fmt.Sprintf("bare handler that writes the same %d bytes: %.0f/s", size, bare),
			Peers:     q.peers,
		})
	}
	return rows, nil
}

// dispatchMany dispatches n times, on a few connections.
func (r *repo) dispatchMany(ctx context.Context, file string, n int) error {
	turns := make(chan struct{}, n)
	for range n {
		turns <- struct{}{}
	}
	close(turns)
	group, ctx := errgroup.WithContext(ctx)
	for range dispatchConns {
		group.Go(func() error {
			for range turns {
				if err := r.api.do(ctx, http.MethodPost, r.dispatchPath(file), object{"ref": "main"}, nil); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// compare returns requests a second for a path of the server, and for a bare
// handler with the same answer: the medians of a few rounds in turn.
func (b *bench) compare(ctx context.Context, load loader, s *server, path, auth string) (got, bare float64, size int, err error) {
	header, body, err := s.answer(ctx, path, auth)
	if err != nil {
		return 0, 0, 0, err
	}
	base, stop, err := serveBare(ctx, header, body)
	if err != nil {
		return 0, 0, 0, err
	}
	defer stop()
	var ours, theirs []float64
	for range readRounds {
		for _, side := range []struct {
			base string
			list *[]float64
		}{{s.url, &ours}, {base, &theirs}} {
			n, err := load(ctx, side.base+path, auth, readTime)
			if err != nil {
				return 0, 0, 0, err
			}
			*side.list = append(*side.list, n)
		}
	}
	return median(ours), median(theirs), len(body), nil
}

// answer is what the server answers to a GET.
func (s *server) answer(ctx context.Context, path, auth string) (http.Header, []byte, error) {
	c, err := dial(ctx, s.url)
	if err != nil {
		return nil, nil, err
	}
	defer c.close()
	body, err := c.expect(http.MethodGet, path, auth, nil)
	return c.header, body, err
}

// serveBare serves one answer to whatever is asked.
func serveBare(ctx context.Context, header http.Header, body []byte) (base string, stop func(), err error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{
		ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			maps.Copy(w.Header(), header)
			_, _ = w.Write(body) // who does not read it any more does not count it
		}),
	}
	go srv.Serve(l) //nolint:errcheck // it ends by stop
	return "http://" + l.Addr().String(), func() { srv.Close() }, nil
}
