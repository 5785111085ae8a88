package trigger

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/shape"
)

// A push is one moved ref on its way to runs.
type push struct {
	t      *Trigger
	view   *gitrepo.View
	base   shape.Base
	repo   *actions.Repository
	actor  *actions.Account
	update actions.RefUpdate
	silent bool

	from string // commit that the ref stood at; the zero SHA when there was none
}

const (
	maxMessage = 64 << 10 // characters of a commit's message, in payloads and runs
	maxTitle   = 1024     // of a title, name or address
)

// find adds to s the workflows that the push names anew and the runs it starts.
func (p *push) find(ctx context.Context, s *started) error {
	commit, err := p.view.Commit(ctx, p.update.After)
	if noCommit(err) {
		return nil // a tag about something that is no commit
	}
	if err != nil {
		return err
	}
	if p.from, err = p.origin(ctx); err != nil {
		return err
	}
	all, err := p.t.at(ctx, p.view, commit.SHA)
	if err != nil {
		return err
	}
	onDefault := p.update.Ref == actions.BranchPrefix+p.repo.DefaultBranch
	if onDefault {
		if err := p.register(ctx, all, s); err != nil {
			return err
		}
	}
	if p.silent || skipped(commit.Message) {
		return nil
	}
	changed := sync.OnceValues(func() ([]string, bool) { return p.changed(ctx, commit.SHA) })
	matching := slices.DeleteFunc(slices.Clone(all), func(f *file) bool { return !p.starts(f, changed) })
	if len(matching) == 0 {
		return nil
	}
	clip(&commit.Commit)
	payload, err := p.payload(ctx, commit)
	if err != nil {
		return err
	}
	for _, f := range matching {
		s.see(f, onDefault)
		s.starts = append(s.starts, &scheduler.Start{
			Run: p.run(f, commit), Repo: p.repo, Workflow: f.workflow, Problem: f.problem,
			Source: &actions.RunSource{Payload: payload, Workflow: f.text},
		})
	}
	return nil
}

// noCommit says whether err means that an object is not there, or no commit.
func noCommit(err error) bool {
	k := actions.KindOf(err)
	return k == actions.NotFound || k == actions.Invalid
}

// origin is the commit that the ref stood at before. A tag may have been about
// anything.
func (p *push) origin(ctx context.Context) (string, error) {
	if p.update.Created() {
		return actions.ZeroSHA, nil
	}
	c, err := p.view.Commit(ctx, p.update.Before)
	if noCommit(err) {
		return actions.ZeroSHA, nil
	}
	if err != nil {
		return "", err
	}
	return c.SHA, nil
}

// clip cuts what a commit says to a size that can be kept with each of its runs.
func clip(c *actions.Commit) {
	c.Message = actions.Clip(c.Message, maxMessage)
	for _, who := range []*actions.Signature{&c.Author, &c.Committer} {
		who.Name, who.Email = actions.Clip(who.Name, maxTitle), actions.Clip(who.Email, maxTitle)
		if _, east := who.Time.Zone(); max(east, -east) >= 24*3600 { // JSON has no such zones; git does
			who.Time = who.Time.UTC()
		}
	}
}

// register notes every workflow of the default branch, and which left it.
func (p *push) register(ctx context.Context, all []*file, s *started) error {
	for _, f := range all {
		s.see(f, true)
	}
	if p.from == actions.ZeroSHA {
		return nil
	}
	before, err := p.t.entries(ctx, p.view, p.from)
	if err != nil {
		return err
	}
	for _, e := range before {
		name := pathOf(e)
		if !slices.ContainsFunc(all, func(f *file) bool { return f.path == name }) {
			s.gone = append(s.gone, name)
		}
	}
	return nil
}

// starts says whether the push starts a run of the file. A file that cannot be
// read does: its run shows what is wrong.
func (p *push) starts(f *file, changed func() ([]string, bool)) bool {
	if f.problem != nil {
		return true
	}
	on := f.workflow.On.Event("push")
	return on != nil && on.MatchPush(p.update.Ref, changed)
}

// changed lists the files that the push changed, as far as path filters look
// (TRG-7), and false when that cannot be told: with too many commits, or when
// it takes too long.
func (p *push) changed(ctx context.Context, commit string) ([]string, bool) {
	const look, patience = 300, 10 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, more, err := p.fork(ctx, commit)
	var paths []string
	if err == nil && !more {
		paths, _, err = p.view.ChangedFiles(ctx, before, commit, look)
	}
	if err != nil {
		p.t.log.WarnContext(ctx, "changed files not found, so path filters let the push through", "repo", p.repo.ID, "err", err)
	}
	return paths, err == nil && !more
}

// fork is the commit that the changes of a push begin at. For a new ref that is
// the parent of its oldest commit that no other branch has, and the zero SHA when
// there is none. more says that the push has more commits than are looked at.
func (p *push) fork(ctx context.Context, commit string) (before string, more bool, err error) {
	if p.from != actions.ZeroSHA {
		_, more, err := p.view.CommitsBetween(ctx, p.from, commit, maxCommits)
		return p.from, more, err
	}
	fresh, more, err := p.view.NewCommits(ctx, p.update.Ref, commit, maxCommits)
	switch {
	case err != nil || more:
		return "", more, err
	case len(fresh) == 0:
		return commit, false, nil
	case len(fresh[0].Parents) == 0:
		return actions.ZeroSHA, false, nil
	}
	return fresh[0].Parents[0], false, nil
}

func (p *push) run(f *file, c *gitrepo.Commit) *actions.Run {
	branch := actions.ShortRef(p.update.Ref)
	title, _, _ := strings.Cut(c.Message, "\n")
	return &actions.Run{
		RepoID: p.repo.ID, Name: f.name(), Title: actions.Clip(title, maxTitle), Path: f.path, Event: "push", Ref: p.update.Ref,
		HeadBranch: branch, HeadSHA: c.SHA, HeadCommit: c.Commit, Actor: *p.actor,
	}
}

// skipped says whether a commit message asks for no runs (TRG-8).
func skipped(message string) bool {
	for _, marker := range []string{"[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"} {
		if strings.Contains(message, marker) {
			return true
		}
	}
	lines := strings.Split(strings.TrimRight(message, "\n"), "\n")
	last := lines[len(lines)-1]
	return len(lines) >= 3 && lines[len(lines)-2] == "" && (last == "skip-checks: true" || last == "skip-checks:true")
}
