package gitrepo

import (
	"context"
	"io"
)

// Resolve is [View.Resolve] of repository id.
func (g *Git) Resolve(ctx context.Context, id int64, rev string) (string, error) {
	return g.View(id).Resolve(ctx, rev)
}

// CommitAt reads the commit that rev stands for in repository id, as [View.Resolve]
// finds it.
func (g *Git) CommitAt(ctx context.Context, id int64, rev string) (*Commit, error) {
	view := g.View(id)
	sha, err := view.Resolve(ctx, rev)
	if err != nil {
		return nil, err
	}
	return view.Commit(ctx, sha)
}

// ReadFile is [View.ReadFile] of repository id.
func (g *Git) ReadFile(ctx context.Context, id int64, sha, path string, limit int64) ([]byte, error) {
	return g.View(id).ReadFile(ctx, sha, path, limit)
}

// Archive is [View.Archive] of repository id.
func (g *Git) Archive(ctx context.Context, id int64, sha, prefix string, format Format, w io.Writer) error {
	return g.View(id).Archive(ctx, sha, prefix, format, w)
}
