package bench

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/crypto/nacl/box"
)

// someSecrets is how many secrets the repositories have that are compared.
var someSecrets = []int{0, 10, 100}

// secrets measures what the secrets of a job cost until its first step runs, in a
// database without others and in one with very many.
func secrets(ctx context.Context, b *bench) ([]Row, error) {
	s, err := b.serve(ctx, 1)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	var repos []*repo
	for _, n := range someSecrets {
		r, err := s.repository(ctx, fmt.Sprintf("with-%d-secrets", n), false, map[string]string{"ci.yml": latencyWorkflow})
		if err != nil {
			return nil, err
		}
		for i := range n {
			if err := r.setSecret(ctx, fmt.Sprintf("SECRET_%d", i), fmt.Sprintf("the value of secret %d", i)); err != nil {
				return nil, err
			}
		}
		repos = append(repos, r)
	}
	alone, err := b.firstSteps(ctx, repos)
	if err != nil {
		return nil, err
	}
	s.halt()
	rows, err := b.seed(s)
	if err != nil {
		return nil, err
	}
	if err := rows.Secrets(ctx, b.otherSecrets); err != nil {
		return nil, err
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	if err := s.again(ctx); err != nil {
		return nil, err
	}
	among, err := b.firstSteps(ctx, repos)
	if err != nil {
		return nil, err
	}
	const most = 5 * time.Millisecond
	adds := among[2] - among[0]
	return []Row{{
		What:   fmt.Sprintf("push returned → first step running, of a job that gets 10 secrets, with %d others, median of %d", b.otherSecrets, b.latencyPushes),
		Figure: millis(among[1]), Goal: "≤ 2× without others", Met: among[1] <= 2*alone[1], Reference: "without others: " + millis(alone[1]),
		Values: []Value{cost("first step of a job with 10 secrets among very many", among[1])},
	}, {
		What:   fmt.Sprintf("what 100 secrets add to that, with %d others", b.otherSecrets),
		Figure: millis(adds), Goal: "≤ 5 ms", Met: adds <= most,
		Reference: fmt.Sprintf("without a secret: %s; with 100: %s", millis(among[0]), millis(among[2])),
	}}, nil
}

// firstSteps pushes to the repositories in turns, and returns for each the median time
// from the end of the push to the job's first step.
func (b *bench) firstSteps(ctx context.Context, repos []*repo) ([]time.Duration, error) {
	times := make([][]time.Duration, len(repos))
	for i := range b.latencyPushes + 1 {
		for at, r := range repos {
			_, pushed, m, err := r.pushed(ctx, i)
			if err != nil {
				return nil, err
			}
			if i > 0 { // the programs come from the disk before
				times[at] = append(times[at], m.started.Sub(pushed))
			}
		}
	}
	medians := make([]time.Duration, len(repos))
	for at := range repos {
		medians[at] = median(times[at])
	}
	return medians, nil
}

// setSecret gives the repository a secret as clients do.
func (r *repo) setSecret(ctx context.Context, name, value string) error {
	var public struct {
		KeyID string `json:"key_id"`
		Key   string
	}
	if err := r.api.Do(ctx, http.MethodGet, r.path("/actions/secrets/public-key"), nil, &public); err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(public.Key)
	if err != nil || len(key) != 32 {
		return fmt.Errorf("public key %q: %w", public.Key, err)
	}
	sealed, err := box.SealAnonymous(nil, []byte(value), (*[32]byte)(key), rand.Reader)
	if err != nil {
		return err
	}
	return r.api.Do(ctx, http.MethodPut, r.path("/actions/secrets/%s", name), object{"encrypted_value": base64.StdEncoding.EncodeToString(sealed), "key_id": public.KeyID}, nil)
}
