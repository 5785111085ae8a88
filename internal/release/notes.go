package release

import (
	"context"
	"fmt"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
)

const (
	maxNoted   = 500 // commits that notes look at
	maxAuthors = 50  // whose first pull request is looked for
)

// Notes say what is new at a tag: which pull requests were merged since the tag of the
// release before, and who has not been among their authors yet.
type Notes struct{ Name, Body string }

// Notes makes up the notes of a tag, which may not be there: then they are of target.
// previous is the tag before, empty for that of the newest release before.
func (s *Releases) Notes(ctx context.Context, repo *actions.Repository, base shape.Base, tag, target, previous string) (*Notes, error) {
	if tag == "" {
		return nil, actions.Missing(resource, "tag_name")
	}
	of := func(name, rev string) (string, error) {
		sha, err := s.Repositories.CommitOf(ctx, repo.ID, rev, false)
		if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
			err = actions.InField(resource, name, actions.Errorf(actions.Invalid, "Invalid %s parameter", name))
		}
		return sha, err
	}
	view := s.Git.View(repo.ID)
	rev, name := actions.TagPrefix+tag, "tag_name"
	if _, err := view.Ref(rev); err != nil {
		if rev, name = target, "target_commitish"; rev == "" {
			rev = repo.DefaultBranch
		}
	}
	head, err := of(name, rev)
	if err != nil {
		return nil, err
	}
	before := ""
	if previous != "" {
		if before, err = of("previous_tag_name", actions.TagPrefix+previous); err != nil {
			return nil, err
		}
	} else if previous, before, err = s.previous(ctx, repo, tag); err != nil {
		return nil, err
	}
	commits, _, err := view.CommitsBetween(ctx, before, head, maxNoted)
	if err != nil {
		return nil, err
	}
	shas := make([]string, len(commits))
	for i, c := range commits {
		shas[i] = c.SHA
	}
	pulls, err := s.Store.MergedPulls(ctx, repo.ID, shas)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	page := base.HTML + "/" + repo.FullName()
	if len(pulls) > 0 {
		b.WriteString("## What's Changed\n")
		for _, p := range pulls {
			fmt.Fprintf(&b, "* %s by @%s in %s/pull/%d\n", p.Title, p.Author.Login, page, p.Number)
		}
		b.WriteString("\n")
		newcomers, err := s.newcomers(ctx, repo, pulls)
		if err != nil {
			return nil, err
		}
		if len(newcomers) > 0 {
			b.WriteString("## New Contributors\n")
			for _, p := range newcomers {
				fmt.Fprintf(&b, "* @%s made their first contribution in %s/pull/%d\n", p.Author.Login, page, p.Number)
			}
			b.WriteString("\n")
		}
	}
	if previous == "" {
		fmt.Fprintf(&b, "**Full Changelog**: %s/commits/%s", page, tag)
	} else {
		fmt.Fprintf(&b, "**Full Changelog**: %s/compare/%s...%s", page, previous, tag)
	}
	return &Notes{Name: tag, Body: b.String()}, nil
}

// previous is the tag of the newest published release but that of tag, and its commit; both
// empty where there is none.
func (s *Releases) previous(ctx context.Context, repo *actions.Repository, tag string) (name, sha string, err error) {
	list, _, err := s.Store.Releases(ctx, repo.ID, false, actions.Page{Number: 1, Size: 10})
	for _, r := range list {
		if r.TagName == tag {
			continue
		}
		head, err := s.tagged(ctx, repo, r)
		if err == nil && head != nil {
			return r.TagName, head.SHA, nil
		}
	}
	return "", "", err
}

// newcomers are the first pull requests of those who had none before.
func (s *Releases) newcomers(ctx context.Context, repo *actions.Repository, pulls []*actions.Pull) ([]*actions.Pull, error) {
	seen := map[int64]bool{}
	var list []*actions.Pull
	for _, p := range pulls {
		if seen[p.Author.ID] || len(seen) >= maxAuthors {
			continue
		}
		seen[p.Author.ID] = true
		first, err := s.Store.FirstMerged(ctx, repo.ID, p)
		if err != nil {
			return nil, err
		}
		if first {
			list = append(list, p)
		}
	}
	return list, nil
}

// generate gives a release a name, if it has none, and adds notes to its body.
func (s *Releases) generate(ctx context.Context, repo *actions.Repository, base shape.Base, r *actions.Release) error {
	n, err := s.Notes(ctx, repo, base, r.TagName, r.Target, "")
	if err != nil {
		return err
	}
	if r.Name == "" {
		r.Name = n.Name
	}
	if r.Body != "" {
		r.Body += "\n\n"
	}
	r.Body += n.Body
	return nil
}
