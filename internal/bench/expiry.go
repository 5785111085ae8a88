package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/fs"
)

const (
	expiredArtifacts = 100_000
	expiredSize      = 1 << 10
	expiryLimit      = 2 * time.Minute
	expiryPause      = 5 * time.Millisecond // between the requests of others
)

// expiry starts a server on a data directory in which very many artifacts have
// expired while it was away, and watches what others feel of their removal.
func expiry(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 0)
	if err != nil {
		return nil, err
	}
	defer func() { s.stop() }()
	v, err := s.listed(ctx, "expired")
	if err != nil {
		return nil, err
	}
	s.halt()
	if err := b.expire(ctx, s, v); err != nil {
		return nil, err
	}
	again, err := b.restart(ctx, s)
	if err != nil {
		return nil, err
	}
	s = again
	took, waits, err := b.watchExpiry(ctx, s, v)
	if err != nil {
		return nil, err
	}
	const goal = 50 * time.Millisecond
	p99 := percentile(waits, 99)
	return []Row{
		{
			What:   fmt.Sprintf("removal of %d expired artifacts of 1 KiB each, bytes and all", expiredArtifacts),
			Figure: millis(took), Goal: "< 2 min", Met: took < expiryLimit,
			Reference: "from the start of the server",
		},
		{
			What:   "answer to a list of runs meanwhile, 99th percentile",
			Figure: millis(p99), Goal: "< 50 ms", Met: p99 < goal,
			Reference: fmt.Sprintf("median %s, longest %s, of %d", millis(median(waits)), millis(percentile(waits, 100)), len(waits)),
		},
	}, nil
}

// expire puts the bytes of artifacts where the server keeps them, and rows that
// say that their time is over.
func (b *bench) expire(ctx context.Context, s *server, v *seeded) error {
	blobs, err := fs.New(filepath.Join(s.data, "blobs"), fs.Options{Now: b.Now})
	if err != nil {
		return err
	}
	keys, content := make([]string, expiredArtifacts), bytes.Repeat([]byte("x"), expiredSize)
	for i := range keys {
		info, err := blobs.Put(ctx, bytes.NewReader(content), blob.PutOptions{Limit: expiredSize, Relaxed: true})
		if err != nil {
			return err
		}
		keys[i] = info.Key
	}
	rows, err := b.seed(s)
	if err != nil {
		return err
	}
	return errors.Join(rows.Expired(ctx, v.id, v.run, expiredSize, keys), rows.Close())
}

// watchExpiry waits until no bytes are left of a repository's artifacts, and
// returns how long that and each of the requests of others took.
func (b *bench) watchExpiry(ctx context.Context, s *server, v *seeded) (took time.Duration, waits []time.Duration, err error) {
	began := b.Now()
	group, ctx := errgroup.WithContext(ctx)
	aside, stop := context.WithCancel(ctx)
	group.Go(func() error {
		defer stop()
		var usage struct {
			Size int64 `json:"active_artifacts_size_in_bytes"`
		}
		err := until(ctx, "removal", 20*time.Millisecond, 2*expiryLimit, func() (bool, error) {
			err := v.repo.in(s).api.Do(ctx, http.MethodGet, v.repo.path("/actions/artifacts/usage"), nil, &usage)
			return usage.Size == 0, err
		})
		took = b.since(began)
		return err
	})
	group.Go(func() error {
		c, err := dial(ctx, s.url)
		if err != nil {
			return err
		}
		defer c.close()
		for i := 0; pause(aside, expiryPause) == nil; i++ {
			path := "/api/v3" + v.repo.path("/actions/runs?round=%d", i) // a question that was never asked is not remembered
			asked := b.Now()
			if _, err := c.expect(http.MethodGet, path, "Bearer "+s.user.Token(), nil); err != nil {
				return err
			}
			waits = append(waits, b.since(asked))
		}
		return nil
	})
	err = group.Wait()
	return took, waits, err
}
