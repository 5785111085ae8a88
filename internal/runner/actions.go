package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/archive"
	"github.com/understudy-ci/understudy/internal/wire"
)

const downloadTimeout = 10 * time.Minute

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
	err = retry(ctx, a.lease.job.log(), "resolve actions", forResolution, func(ctx context.Context) error {
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

// resolveError is what is wrong with each action, in one line, when the server said so.
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
	return errors.New(strings.Join(text, ". "))
}

// Fetch implements [worker.ActionSource].
func (a *actionSource) Fetch(ctx context.Context, info wire.ActionInfo, dir string) error {
	return a.download(ctx, info, func(body io.Reader) error {
		err := os.MkdirAll(dir, 0o700)
		if err == nil {
			err = archive.Unpack(body, dir)
		}
		if err == nil {
			return nil
		}
		if rerr := archive.RemoveAll(dir); rerr != nil {
			return forGood(errors.Join(err, rerr))
		}
		return err
	})
}

// Save downloads the archive of info to a file.
func (a *actionSource) Save(ctx context.Context, info wire.ActionInfo, f *os.File) error {
	return a.download(ctx, info, func(body io.Reader) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return forGood(err)
		}
		if err := f.Truncate(0); err != nil {
			return forGood(err)
		}
		n, err := io.Copy(f, io.LimitReader(body, archive.MaxSize+1))
		if err == nil && n > archive.MaxSize {
			err = fmt.Errorf("%w: larger than %d GiB", archive.ErrBad, int64(archive.MaxSize)>>30)
		}
		return err
	})
}

// download gives the archive to use, from its beginning again when it breaks off.
func (a *actionSource) download(ctx context.Context, info wire.ActionInfo, use func(body io.Reader) error) error {
	err := retry(ctx, a.lease.job.log(), "download of an action", forDownloads, func(ctx context.Context) error {
		err := a.fetch(ctx, info, use)
		if errors.Is(err, archive.ErrBad) {
			err = forGood(err)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("download of %s@%s: %w", info.Name, info.Version, err)
	}
	return nil
}

func (a *actionSource) fetch(ctx context.Context, info wire.ActionInfo, use func(body io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, info.TarURL, nil)
	if err != nil {
		return forGood(errors.New("the archive has no URL")) // err has what it has, and that may be signed
	}
	if token := a.token(info); token != "" {
		req.SetBasicAuth("x-access-token", token)
	}
	resp, err := a.lease.job.r.http.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	defer discard(resp.Body)
	return use(resp.Body)
}

// token is what the archive of an action asks for. The job's own token is for
// its server only.
func (a *actionSource) token(info wire.ActionInfo) string {
	if info.Authentication != nil && info.Authentication.Token != "" {
		return info.Authentication.Token
	}
	home, err := origin(a.lease.msg.Variable(wire.VarLaunchEndpoint))
	if err != nil {
		return ""
	}
	if at, err := origin(info.TarURL); err != nil || !strings.EqualFold(at, home) {
		return ""
	}
	return a.lease.msg.Variable(wire.VarToken)
}
