package graphql

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A comparison is how a head stands to a base, in commits.
type comparison struct {
	AheadBy, BehindBy int32
	Status            string
}

// maxCompared bounds the commits that are counted.
const maxCompared = 10_000

// Compare says how the head of a pull request stands to this branch, its base.
func (r *ref) Compare(ctx context.Context, args struct{ HeadRef string }) (*comparison, error) {
	p := r.of
	if p == nil || args.HeadRef != p.is.HeadRef && args.HeadRef != p.is.Label() && args.HeadRef != actions.BranchPrefix+p.is.HeadRef {
		return nil, nil
	}
	err := p.reads(ctx, readsCode)
	if err == nil {
		err = spend(ctx, costOfMerge)
	}
	if err != nil {
		return nil, err
	}
	view := p.api.Git.View(p.repo.ID)
	base, err := view.Ref(actions.BranchPrefix + p.is.BaseRef)
	if err != nil {
		return nil, err
	}
	ahead, err := view.CountBetween(ctx, base, p.is.HeadSHA, maxCompared)
	if err != nil {
		return nil, err
	}
	behind, err := view.CountBetween(ctx, p.is.HeadSHA, base, maxCompared)
	if err != nil {
		return nil, err
	}
	c := &comparison{size(ahead), size(behind), "IDENTICAL"}
	switch {
	case ahead > 0 && behind > 0:
		c.Status = "DIVERGED"
	case ahead > 0:
		c.Status = "AHEAD"
	case behind > 0:
		c.Status = "BEHIND"
	}
	return c, nil
}
