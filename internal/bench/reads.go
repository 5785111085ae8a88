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
	readRuns         = 1000
	changesPerSecond = 20
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
	if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/runs"), nil, &list); err != nil {
		return nil, err
	}
	if list.Total != readRuns || len(list.Runs) == 0 {
		return nil, fmt.Errorf("there are %d runs, not %d", list.Total, readRuns)
	}
	runs, one := r.path("/actions/runs?per_page=30"), r.path("/actions/runs/%d?", list.Runs[len(list.Runs)/2].ID)
	questions := []question{
		{what: fmt.Sprintf("list 30 runs out of %d", readRuns), path: runs, peers: "20–95/s"},
		{what: "get one run", path: one, peers: "80–250/s"},
		// Answers are remembered until something changes.
		{what: fmt.Sprintf("the same list, with %d new runs a second", changesPerSecond), path: runs, changing: true},
	}
	var rows []Row
	for _, q := range questions {
		row, err := b.askAgain(ctx, s, r, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.what, err)
		}
		rows = append(rows, row)
	}
	for _, q := range questions[:2] {
		row, err := b.askOnce(ctx, s, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.what, err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// A question is a GET of the REST API.
type question struct {
	what, path, peers string
	changing          bool // whether the answer changes meanwhile
}

// askAgain loads the server with one question.
func (b *bench) askAgain(ctx context.Context, s *server, r *repo, q question) (Row, error) {
	load, name := b.loader()
	meanwhile := func(context.Context) error { return nil }
	if q.changing {
		meanwhile = r.change
	}
	got, bare, size, err := b.compare(ctx, load, s, "/api/v3"+q.path, "Bearer "+s.user.Token(), meanwhile)
	if err != nil {
		return Row{}, err
	}
	row := Row{
		What:   fmt.Sprintf("REST with a token, %s: %s", name, q.what),
		Figure: fmt.Sprintf("%.0f/s", got),
		Peers:  q.peers,
		Values: []Value{speed("REST: "+q.what, got, "/s")},
	}
	if bare > 0 {
		row.Figure += fmt.Sprintf(", %.0f %% of a bare handler", 100*got/bare)
		row.Reference = fmt.Sprintf("bare handler that writes the same %d bytes: %.0f/s", size, bare)
		if !q.changing {
			row.Goal, row.Met = "≥ 50 % of a bare handler", got >= bare/2
		}
	}
	return row, nil
}

// askOnce asks a question in forms that were never asked before, one after the
// other on one connection.
func (b *bench) askOnce(ctx context.Context, s *server, q question) (Row, error) {
	c, err := dial(ctx, s.url)
	if err != nil {
		return Row{}, err
	}
	defer c.close()
	before, err := s.processor()
	if err != nil {
		return Row{}, err
	}
	took := make([]time.Duration, b.askedOnce)
	for i := range took {
		began := b.Now()
		if _, err := c.expect(http.MethodGet, fmt.Sprintf("/api/v3%s&round=%d", q.path, i), "Bearer "+s.user.Token(), nil); err != nil {
			return Row{}, err
		}
		took[i] = b.since(began)
	}
	after, err := s.processor()
	each, mid := (after-before)/time.Duration(b.askedOnce), median(took)
	return Row{
		What:      fmt.Sprintf("REST with a token, asked for the first time, median of %d: %s", b.askedOnce, q.what),
		Figure:    millis(mid),
		Reference: fmt.Sprintf("99th percentile %s; the server's processor time: %s", millis(percentile(took, 99)), millis(each)),
		Values:    []Value{cost("REST, first time: "+q.what, mid), cost("server time of REST, first time: "+q.what, each)},
	}, err
}

// change makes runs, one after the other, until ctx ends.
func (r *repo) change(ctx context.Context) error {
	for pause(ctx, time.Second/changesPerSecond) == nil {
		err := r.api.Do(ctx, http.MethodPost, r.dispatchPath("none.yml"), object{"ref": "main"}, nil)
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// compare returns requests a second for a path of the server and, where
// references are wanted, for a bare handler with the same answer: the medians of
// a few rounds in turn. Another thing is done while the server has its turn.
func (b *bench) compare(ctx context.Context, load loader, s *server, path, auth string, meanwhile func(context.Context) error) (got, bare float64, size int, err error) {
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
	for range b.readRounds {
		n, err := b.loadWith(ctx, load, s.url+path, auth, meanwhile)
		if err != nil {
			return 0, 0, 0, err
		}
		ours = append(ours, n)
		if !b.references {
			continue
		}
		if n, err = load(ctx, base+path, auth, b.readTime); err != nil {
			return 0, 0, 0, err
		}
		theirs = append(theirs, n)
	}
	return median(ours), median(theirs), len(body), nil
}

// loadWith loads a URL while another thing is done, which its context ends.
func (b *bench) loadWith(ctx context.Context, load loader, target, auth string, meanwhile func(context.Context) error) (n float64, err error) {
	group, ctx := errgroup.WithContext(ctx)
	aside, stop := context.WithCancel(ctx)
	group.Go(func() error { return meanwhile(aside) })
	group.Go(func() (err error) {
		defer stop()
		n, err = load(ctx, target, auth, b.readTime)
		return err
	})
	err = group.Wait()
	return n, err
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
