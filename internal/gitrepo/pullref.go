package gitrepo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/understudy-ci/understudy/internal/actions"
)

// SetPullRef makes a ref below refs/pull stand at a commit that is there, durably. No
// client can move these. It needs no lock of the repository, so it can be called while a
// push holds that: as git does, it makes the new file beside the old one under the name
// that says that the ref is being changed.
func (g *Git) SetPullRef(ctx context.Context, id int64, ref, sha string) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if !strings.HasPrefix(ref, actions.PullPrefix) || !validParts(ref) {
		return actions.Errorf(actions.Invalid, "%q is no ref of a pull request", ref)
	}
	if err := g.mustExist(id); err != nil {
		return err
	}
	path := filepath.Join(g.dir(id), filepath.FromSlash(ref))
	pause := &backoff.ExponentialBackOff{InitialInterval: time.Millisecond, Multiplier: 2, MaxInterval: 100 * time.Millisecond}
	for tries := 0; ; tries++ {
		err := writeRef(path, sha)
		switch {
		case err == nil:
			return g.syncNames(id, ref)
		case !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) || tries == 50: // somebody else writes it, or has put it among the packed ones
			return err
		}
		select {
		case <-time.After(pause.NextBackOff()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// writeRef writes the file of a ref.
func writeRef(path, sha string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	lock := path + ".lock"
	f, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(sha + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(lock, path)
	}
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(lock)))
	}
	return nil
}

// syncNames makes the directories durable that a ref is in.
func (g *Git) syncNames(id int64, ref string) error {
	root := g.dir(id)
	var errs []error
	for dir := filepath.Dir(filepath.Join(root, filepath.FromSlash(ref))); strings.HasPrefix(dir, root); dir = filepath.Dir(dir) {
		errs = append(errs, ignoreMissing(syncDir(dir)))
	}
	return errors.Join(errs...)
}
