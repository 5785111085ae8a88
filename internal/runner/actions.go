package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	downloadTries   = 5
	downloadTimeout = 10 * time.Minute
)

// An actionSource resolves and fetches actions for one job: see
// [worker.ActionSource].
type actionSource struct{ lease *lease }

// Resolve implements [worker.ActionSource].
func (a *actionSource) Resolve(ctx context.Context, refs []wire.ActionRef) (map[string]wire.ActionInfo, error) {
	m := a.lease.msg
	at, err := origin(m.Variable(wire.VarLaunchEndpoint))
	if err != nil {
		return nil, errors.New("the server resolves no actions")
	}
	at += strings.NewReplacer("{plan}", m.Plan.PlanID, "{job}", m.JobID).Replace(wire.ResolveActionsPath)
	var resp wire.ResolveActionsResponse
	err = retry(ctx, a.lease.job.log, "resolve actions", forResolution, func(ctx context.Context) error {
		return a.lease.job.r.http.do(ctx, call{
			method: http.MethodPost, url: at, auth: a.lease.auth, out: &resp,
			in: wire.ResolveActionsRequest{Actions: refs, Dependencies: m.Dependencies},
		})
	})
	if err != nil {
		return nil, resolveError(err)
	}
	for _, r := range refs {
		if _, ok := resp.Actions[r.Key()]; !ok {
			return nil, fmt.Errorf("unable to resolve action %s", r.Key())
		}
	}
	return resp.Actions, nil
}

// resolveError is what is wrong with each action when the server said so.
func resolveError(err error) error {
	e, ok := errors.AsType[*statusError](err)
	if !ok {
		return err
	}
	var v wire.ResolveActionsError
	if json.Unmarshal(e.body, &v) != nil || len(v.Errors) == 0 {
		return err
	}
	var text []string
	for _, name := range slices.Sorted(maps.Keys(v.Errors)) {
		text = append(text, v.Errors[name].Message)
	}
	return errors.New(strings.Join(text, "\n"))
}

// Fetch implements [worker.ActionSource].
func (a *actionSource) Fetch(ctx context.Context, info wire.ActionInfo, dir string) error {
	var b backoff
	for try := 1; ; try++ {
		err := a.fetch(ctx, info, dir)
		if err == nil {
			return nil
		}
		if rerr := removeAll(dir); rerr != nil {
			return errors.Join(err, rerr)
		}
		if ctx.Err() != nil || !transient(err) || errors.Is(err, errArchive) || try == downloadTries && statusOf(err) != 0 {
			return fmt.Errorf("download of %s@%s: %w", info.Name, info.Version, err)
		}
		if b.wait(ctx) != nil {
			return fmt.Errorf("download of %s@%s: %w", info.Name, info.Version, err)
		}
	}
}

func (a *actionSource) fetch(ctx context.Context, info wire.ActionInfo, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, info.TarURL, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	token := a.lease.msg.Variable(wire.VarToken)
	if info.Authentication != nil && info.Authentication.Token != "" {
		token = info.Authentication.Token
	}
	if token != "" {
		req.SetBasicAuth("x-access-token", token)
	}
	resp, err := a.lease.job.r.http.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer discard(resp.Body)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	return unpack(resp.Body, dir)
}
