package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
)

// A flight is a fetch that is under way, for all who want the same.
type flight struct {
	done  chan struct{}
	found *Found
	err   error
}

// maxWaiting is how many fetches may wait for the places of one repository.
const maxWaiting = 100

// errVersion is in the error where a host has the repository and not the version.
var errVersion = errors.New("no such version")

// LacksVersion says whether an error of [Upstream.Resolve] is that a host has the
// repository, and not the version.
func LacksVersion(err error) bool { return errors.Is(err, errVersion) }

type versionError struct{ error }

func (e versionError) Is(target error) bool { return target == errVersion }
func (e versionError) Unwrap() error        { return e.error }

// fly joins a fetch or begins one.
func (u *Upstream) fly(h *Host, a Ask) (*flight, error) {
	w := wanted{h.URL, strings.ToLower(a.Name), a.Ref}
	u.mu.Lock()
	defer u.mu.Unlock()
	if f := u.flights[w]; f != nil {
		return f, nil
	}
	if u.places.Waiting(a.RepoID) >= maxWaiting {
		return nil, actions.Errorf(actions.TooMany, "%d actions are being fetched for this repository", maxWaiting)
	}
	if u.life.Err() != nil {
		return nil, actions.Errorf(actions.Unavailable, "the server is stopping")
	}
	f := &flight{done: make(chan struct{})}
	u.flights[w] = f
	u.wg.Go(func() {
		f.found, f.err = u.fetch(h, a)
		if f.err != nil && u.life.Err() == nil {
			of := w
			if actions.KindOf(f.err) == actions.NotFound && !errors.Is(f.err, errVersion) {
				of.ref = ""
			}
			u.misses.Put(of, miss{u.Now(), f.err}, 1)
		}
		u.mu.Lock()
		delete(u.flights, w)
		u.mu.Unlock()
		close(f.done)
	})
	return f, nil
}

// fetch asks a host what a reference means, and brings the commit here unless it is.
func (u *Upstream) fetch(h *Host, a Ask) (*Found, error) {
	leave, err := u.places.Enter(u.life, a.RepoID, max(1, u.Limits.AtOnce/2))
	if err != nil {
		return nil, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(u.life, u.Limits.Fetch)
	defer cancel()
	began := u.Now()
	found, err := u.fetchThrough(ctx, h, a)
	switch {
	case errors.Is(err, errConnect): // and not where one repository is slow
		u.states[h.URL].set(err, u.Now())
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("%w: the fetch took longer than %s", ErrUnreachable, u.Limits.Fetch)
	case err == nil:
		u.Log.InfoContext(ctx, "action fetched", "action", a.Name+"@"+a.Ref, "host", h.URL, "sha", found.Action.SHA, "took", u.Now().Sub(began))
	}
	return found, err
}

// fetchThrough is fetch by a tunnel, whose own reasons say more than git's.
func (u *Upstream) fetchThrough(ctx context.Context, h *Host, a Ask) (found *Found, err error) {
	t, err := u.open(ctx, h)
	if err != nil {
		return nil, err
	}
	defer func() {
		if refused := t.close(); err != nil && refused != nil {
			err = refused
		}
	}()
	g := &getter{u: u, host: h, name: a.Name, proxy: t.proxy()}
	if gitrepo.IsSHA(a.Ref) {
		found, err = g.commit(ctx, a.Ref)
	} else {
		found, err = g.ref(ctx, a.Ref)
	}
	if refused := t.refusal(); err != nil && refused != nil {
		return nil, refused
	}
	switch k := actions.KindOf(err); {
	case k == actions.NotFound && !errors.Is(err, errVersion):
		err = actions.Errorf(actions.NotFound, "repository not found, here nor at %s", u.names())
	case k == actions.Unavailable:
		err = fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return found, err
}

// A getter gets commits of a repository of a host.
type getter struct {
	u     *Upstream
	host  *Host
	name  string
	proxy string // empty where the repository is on this machine
	path  string // of it then
	url   string // of the repository; empty for the usual one of the host
}

// scratch makes a repository that fetches from there.
func (g *getter) scratch(ctx context.Context) (*gitrepo.Scratch, error) {
	s, err := g.u.Git.NewScratch(ctx, gitrepo.ScratchLimits{Bytes: g.u.Limits.Bytes, Time: g.u.Limits.Fetch})
	if err != nil {
		return nil, err
	}
	r := gitrepo.Remote{URL: g.path, Local: true}
	if g.path == "" {
		r = gitrepo.Remote{URL: cmp.Or(g.url, g.host.repository(g.name)), Proxy: g.proxy, Authorization: g.host.Authorization.Reveal(), CAFile: g.u.CAFile}
	}
	if err := s.Remote(r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ref gets what a branch or tag means.
func (g *getter) ref(ctx context.Context, ref string) (*Found, error) {
	s, err := g.scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	asked := g.u.Now()
	names := refNames(ref)
	refs, err := s.Refs(ctx, names...)
	if err != nil {
		return nil, err
	}
	at := pick(names, refs)
	if at == nil {
		return nil, versionError{missing(ref)}
	}
	kept, err := g.u.Store.KeptCommit(ctx, g.name, at.Commit)
	if actions.KindOf(err) == actions.NotFound {
		var sha string
		if sha, err = s.FetchCommit(ctx, at.Name); err == nil {
			return g.u.keep(ctx, s, &actions.KeptAction{Name: g.name, SHA: sha, Origin: actions.Fetched, Host: g.host.URL}, asked, ref)
		}
		if actions.KindOf(err) == actions.NotFound { // it went meanwhile, or is no commit
			err = versionError{missing(ref)}
		}
	}
	if err != nil {
		return nil, err
	}
	return g.u.named(ctx, kept, asked, g.host.URL, ref)
}

// pick is the ref that the first of some names is found under.
func pick(names []string, refs []gitrepo.RemoteRef) *gitrepo.RemoteRef {
	for _, name := range names {
		for i := range refs {
			if refs[i].Name == name {
				return &refs[i]
			}
		}
	}
	return nil
}

// commit gets a commit that a branch or tag reaches.
func (g *getter) commit(ctx context.Context, sha string) (*Found, error) {
	s, err := g.scratch(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	refs, err := s.Refs(ctx)
	if err != nil {
		return nil, err
	}
	at, reachable := "", false
	for _, r := range refs {
		if r.Commit == sha {
			at, reachable = r.Name, true
			break
		}
	}
	if !reachable {
		if at = sha; len(refs) > 0 {
			if reachable, err = g.reaches(ctx, sha); err != nil {
				return nil, err
			}
		}
	}
	if !reachable {
		return nil, versionError{missing(sha)}
	}
	got, err := s.FetchCommit(ctx, at)
	switch {
	case actions.KindOf(err) == actions.NotFound, err == nil && got != sha:
		return nil, versionError{missing(sha)}
	case err != nil:
		return nil, err
	}
	return g.u.keep(ctx, s, &actions.KeptAction{Name: g.name, SHA: sha, Origin: actions.Fetched, Host: g.host.URL}, g.u.Now())
}

// reaches says whether a branch or tag of the repository reaches a commit, by the
// commits of all of them. Where they are too many to look at, nobody can know.
func (g *getter) reaches(ctx context.Context, sha string) (bool, error) {
	s, err := g.scratch(ctx)
	if err != nil {
		return false, err
	}
	defer s.Close()
	if err := s.FetchHistory(ctx); err != nil {
		if actions.KindOf(err) == actions.Invalid {
			return false, versionError{actions.Errorf(actions.NotFound, "unable to find version `%s`: the history of the repository is too large to see whether it has "+
				"the commit. Name a tag, or have the operator import it (understudy admin action import)", sha)}
		}
		return false, err
	}
	return s.Reaches(ctx, sha)
}
