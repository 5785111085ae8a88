package gitrepo

import (
	"context"
	"io"
)

// Resolve is [View.Resolve] of repository id.
func (g *Git) Resolve(ctx context.Context, id int64, rev string) (string, error) {
	return g.View(id).Resolve(ctx, rev)
}

// Commit is [View.Commit] of repository id.
func (g *Git) Commit(ctx context.Context, id int64, sha string) (*Commit, error) {
	return g.View(id).Commit(ctx, sha)
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

// ReadDir is [View.ReadDir] of repository id.
func (g *Git) ReadDir(ctx context.Context, id int64, sha, dir string) ([]Entry, error) {
	return g.View(id).ReadDir(ctx, sha, dir)
}

// Refs is [View.Refs] of repository id.
func (g *Git) Refs(ctx context.Context, id int64, prefix string) ([]Ref, error) {
	return g.View(id).Refs(ctx, prefix)
}

// ChangedFiles is [View.ChangedFiles] of repository id.
func (g *Git) ChangedFiles(ctx context.Context, id int64, before, after string, limit int) (paths []string, more bool, err error) {
	return g.View(id).ChangedFiles(ctx, before, after, limit)
}

// CommitsBetween is [View.CommitsBetween] of repository id.
func (g *Git) CommitsBetween(ctx context.Context, id int64, before, after string, limit int) (commits []*Commit, more bool, err error) {
	return g.View(id).CommitsBetween(ctx, before, after, limit)
}

// IsAncestor is [View.IsAncestor] of repository id.
func (g *Git) IsAncestor(ctx context.Context, id int64, ancestor, sha string) (bool, error) {
	return g.View(id).IsAncestor(ctx, ancestor, sha)
}

// Archive is [View.Archive] of repository id.
func (g *Git) Archive(ctx context.Context, id int64, sha, prefix string, format Format, w io.Writer) error {
	return g.View(id).Archive(ctx, sha, prefix, format, w)
}
