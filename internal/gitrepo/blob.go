package gitrepo

import (
	"context"
	"fmt"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Blob is the content of a file.
type Blob struct {
	SHA  string
	Size int64 // bytes
}

// Blob finds a file of a commit of at most limit bytes; a larger one is Invalid, and
// none, or a directory, is NotFound. The content of a symbolic link is its target.
func (v *View) Blob(ctx context.Context, sha, path string, limit int64) (Blob, error) {
	name, err := objectAt(sha, path)
	if err != nil {
		return Blob{}, err
	}
	var b Blob
	err = v.read(ctx, func(c *catFile) (err error) {
		b, err = c.blob(name, limit)
		return err
	})
	return b, err
}

// ReadFile reads what [View.Blob] finds.
func (v *View) ReadFile(ctx context.Context, sha, path string, limit int64) ([]byte, error) {
	name, err := objectAt(sha, path)
	if err != nil {
		return nil, err
	}
	var data []byte
	err = v.read(ctx, func(c *catFile) error {
		b, err := c.blob(name, limit)
		if err == nil {
			_, data, err = c.contents(b.SHA, limit)
		}
		return err
	})
	return data, err
}

// blob asks for a file of at most limit bytes.
func (c *catFile) blob(name string, limit int64) (Blob, error) {
	o, err := c.info(name)
	switch {
	case err != nil:
		return Blob{}, err
	case o.kind != "blob":
		return Blob{}, actions.Errorf(actions.NotFound, "%s is not a file", name)
	case o.size > limit:
		return Blob{}, actions.Errorf(actions.Invalid, "%s is %d bytes, more than %d", name, o.size, limit)
	}
	return Blob{o.sha, o.size}, nil
}

// CopyBlob writes a blob to w, as git reads it: it is in nobody's memory. A process of
// its own serves a reader of w, who may be slow.
func (v *View) CopyBlob(ctx context.Context, b Blob, w io.Writer) error {
	if err := checkSHA(b.SHA); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.git.limits.Time)
	defer cancel()
	cmd := v.command(ctx, "-c", "core.bigFileThreshold=1m", "cat-file", "blob", b.SHA) // smaller ones it reads as a whole
	var stderr tail
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("repository %d: git cat-file: %w: %s", v.id, err, stderr.String())
	}
	return nil
}
