package upstream

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// An Ask is what somebody wants to know.
type Ask struct {
	Name, Ref string // of "owner/repo@ref"
	RepoID    int64  // whose job asks; it shares the places of fetches with others
	StandIn   bool   // the server has something that can stand in: do not wait long
}

// A Found is what a reference means.
type Found struct {
	Action  *actions.KeptAction
	AskedAt time.Time // when the host said so; zero for a SHA, and for what the operator imported
	Stale   error     // why the host could not be asked again; nil if it was, or need not be
}

// Resolve finds the commit that a reference means, and brings it here if need be. NotFound
// when there is none, with the end of GitHub's sentence about that. A host that cannot be
// reached is [ErrUnreachable].
func (u *Upstream) Resolve(ctx context.Context, a Ask) (*Found, error) {
	owner, repo, _ := strings.Cut(a.Name, "/")
	if !actions.CanBeName(owner) || actions.CheckRepositoryName(repo) != nil || strings.HasPrefix(owner, ".") || strings.HasPrefix(owner, "-") ||
		actions.CheckRepositoryName(owner) != nil {
		return nil, actions.Errorf(actions.NotFound, "repository not found")
	}
	own, err := u.Store.EverOwned(ctx, owner)
	if err != nil {
		return nil, err
	}
	if own {
		if len(u.Hosts) == 0 {
			return nil, actions.Errorf(actions.NotFound, "repository not found: push it to this server as a public repository")
		}
		return nil, actions.Errorf(actions.NotFound, "repository not found: push it to this server as a public repository. No other host is asked for what belongs to %s, who has or had an account here", owner)
	}
	if gitrepo.IsSHA(a.Ref) {
		return u.commit(ctx, a)
	}
	if refNames(a.Ref) == nil {
		return nil, missing(a.Ref)
	}
	return u.ref(ctx, a)
}

func missing(ref string) error {
	return actions.Errorf(actions.NotFound, "unable to find version `%.100s`", ref)
}

// refNames are the names in full that a ref may stand for, as workflows write it: a
// branch is found before a tag.
func refNames(ref string) []string {
	names := []string{actions.BranchPrefix + ref, actions.TagPrefix + ref}
	if strings.HasPrefix(ref, "refs/") {
		names = []string{ref}
	}
	for _, name := range names {
		if gitrepo.CheckRef(name) != nil {
			return nil
		}
	}
	return names
}

// commit finds a commit by its SHA.
func (u *Upstream) commit(ctx context.Context, a Ask) (*Found, error) {
	kept, err := u.Store.KeptCommit(ctx, a.Name, a.Ref)
	if err == nil {
		return u.used(&Found{Action: kept}), nil
	}
	if actions.KindOf(err) != actions.NotFound {
		return nil, err
	}
	return u.ask(ctx, a, nil)
}

// ref finds what a branch or tag means.
func (u *Upstream) ref(ctx context.Context, a Ask) (*Found, error) {
	kept, err := u.Store.KeptRefs(ctx, a.Name, a.Ref)
	if err != nil {
		return nil, err
	}
	for _, k := range kept {
		if k.Host == "" {
			return u.used(&Found{Action: k.Action}), nil
		}
	}
	if len(u.Hosts) == 0 && len(kept) > 0 {
		return u.used(&Found{Action: kept[0].Action, AskedAt: kept[0].AskedAt, Stale: errOff}), nil
	}
	return u.ask(ctx, a, kept)
}

var errOff = errors.New("no upstream is listed")

// ask asks the hosts, in their order; kept is what they said before.
func (u *Upstream) ask(ctx context.Context, a Ask, kept []*actions.KeptRef) (*Found, error) {
	miss := actions.Errorf(actions.NotFound, "repository not found: push it to this server as a public repository, or have the operator import it (understudy admin action import)")
	if len(u.Hosts) > 0 {
		miss = actions.Errorf(actions.NotFound, "repository not found, here nor at %s", u.names())
	}
	for _, h := range u.Hosts {
		var last *actions.KeptRef
		for _, k := range kept {
			if k.Host == h.URL {
				last = k
			}
		}
		if age := u.age(last); last != nil && age >= 0 && age < u.Limits.Fresh {
			return u.used(&Found{Action: last.Action, AskedAt: last.AskedAt}), nil
		}
		found, err := u.askHost(ctx, h, a)
		switch {
		case err == nil:
			return u.used(found), nil
		case actions.KindOf(err) == actions.NotFound:
			if errors.Is(err, errVersion) || len(u.Hosts) == 1 {
				miss = err
			}
		case last != nil && ctx.Err() == nil:
			u.Log.WarnContext(ctx, "action is what it was: its host cannot be asked", "action", a.Name+"@"+a.Ref, "host", h.URL, "err", err)
			return u.used(&Found{Action: last.Action, AskedAt: last.AskedAt, Stale: err}), nil
		default:
			return nil, fmt.Errorf("%s: %w", h.URL, err)
		}
	}
	return nil, miss
}

func (u *Upstream) names() string {
	urls := make([]string, len(u.Hosts))
	for i, h := range u.Hosts {
		urls[i] = h.URL
	}
	return strings.Join(urls, ", ")
}

func (u *Upstream) age(k *actions.KeptRef) time.Duration {
	if k == nil {
		return 0
	}
	return u.Now().Sub(k.AskedAt)
}

// askHost asks one host, unless somebody does already.
func (u *Upstream) askHost(ctx context.Context, h *Host, a Ask) (*Found, error) {
	name := strings.ToLower(a.Name)
	for _, w := range []wanted{{h.URL, name, ""}, {h.URL, name, a.Ref}} {
		if m, ok := u.misses.Get(w); ok && u.Now().Sub(m.at) < u.Limits.Missing && !u.Now().Before(m.at) {
			return nil, m.err
		}
	}
	if err := u.reach(ctx, h, a.StandIn); err != nil {
		return nil, err
	}
	f, err := u.fly(h, a)
	if err != nil {
		return nil, err
	}
	var late <-chan time.Time
	if a.StandIn {
		t := time.NewTimer(u.Limits.StandIn)
		defer t.Stop()
		late = t.C
	}
	select {
	case <-f.done:
		return f.found, f.err
	case <-late:
		return nil, fmt.Errorf("%w in %s", ErrUnreachable, u.Limits.StandIn)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// used notes that somebody gets an action, from time to time.
func (u *Upstream) used(f *Found) *Found {
	now := u.Now()
	if now.Sub(f.Action.UsedAt) < time.Hour {
		return f
	}
	id := f.Action.ID
	u.Store.Soon(fmt.Sprintf("kept action %d", id), func(ctx context.Context, tx *store.Tx) error { return tx.KeptActionUsed(ctx, id, now) })
	return f
}
