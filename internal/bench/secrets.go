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
	adds := median(differences(among[2], among[0])) // of neighbours, so that what slows both down is not counted
	return []Row{{
		What:   fmt.Sprintf("push returned → first step running, of a job that gets 10 secrets, with %d others, median of %d", b.otherSecrets, b.latencyPushes),
		Figure: millis(median(among[1])), Goal: "≤ 2× without others", Met: median(among[1]) <= 2*median(alone[1]), Reference: "without others: " + millis(median(alone[1])),
		Values: []Value{cost("first step of a job with 10 secrets among very many", median(among[1]))},
	}, {
		What:   fmt.Sprintf("what 100 secrets add to that, with %d others", b.otherSecrets),
		Figure: millis(adds), Goal: "≤ 5 ms", Met: adds <= most,
		Reference: fmt.Sprintf("without a secret: %s; with 100: %s", millis(median(among[0])), millis(median(among[2]))),
	}}, nil
}

// firstSteps pushes to the repositories in turns, and returns for each the times from
// the end of each push to the job's first step.
func (b *bench) firstSteps(ctx context.Context, repos []*repo) ([][]time.Duration, error) {
	times := make([][]time.Duration, len(repos))
	for i := range b.latencyPushes + 1 {
		for turn := range repos {
			at := (i + turn) % len(repos) // none always comes behind the same other one
			_, pushed, m, err := repos[at].pushed(ctx, i)
			if err != nil {
				return nil, err
			}
			if i > 0 { // the programs come from the disk before
				times[at] = append(times[at], m.started.Sub(pushed))
			}
		}
	}
	return times, nil
}

// differences are those of each of a from that of b at its place.
func differences(a, b []time.Duration) []time.Duration {
	out := make([]time.Duration, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
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
