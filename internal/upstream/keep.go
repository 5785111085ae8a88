package upstream

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/store"
)

// keep keeps a commit of a scratch repository, and the names that mean it.
func (u *Upstream) keep(ctx context.Context, s *gitrepo.Scratch, a *actions.KeptAction, asked time.Time, refs ...string) (_ *Found, err error) {
	var put []string
	defer func() {
		if err == nil {
			return
		}
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		for _, key := range put {
			if derr := u.Blobs.Delete(after, key); derr != nil {
				u.Log.WarnContext(after, "blob not deleted", "err", derr) // it has no row, and is found later
			}
		}
	}()
	save := func(to *actions.KeptBlob, write func(w io.Writer) error) error {
		info, err := u.put(ctx, write)
		if err == nil {
			put = append(put, info.Key)
			*to = actions.KeptBlob{Key: info.Key, Size: info.Size}
		}
		return err
	}
	if err := save(&a.Archive, func(w io.Writer) error { return u.pack(ctx, s, a.SHA, w) }); err != nil {
		return nil, err
	}
	if err := save(&a.Pack, func(w io.Writer) error { return s.Pack(ctx, a.SHA, w) }); err != nil {
		return nil, err
	}
	if a.Origin == actions.Fetched {
		if err := u.makeRoom(ctx, a.Pack.Size+a.Archive.Size); err != nil {
			return nil, err
		}
	}
	a.KeptAt = u.Now()
	a.UsedAt = a.KeptAt
	f := &Found{Action: a}
	host := a.Host
	if a.Origin == actions.Fetched {
		f.AskedAt = asked
	} else {
		host = ""
	}
	err = u.Store.Update(ctx, func(tx *store.Tx) error {
		if err := tx.KeepAction(ctx, a); err != nil {
			return err
		}
		for _, ref := range refs {
			if err := tx.NameKept(ctx, &actions.KeptRef{Ref: ref, Host: host, Action: a, AskedAt: asked}); err != nil {
				return err
			}
		}
		if a.Origin == actions.Fetched {
			return nil
		}
		return tx.ImportedAction(ctx, a, refs)
	})
	if err != nil {
		return nil, err
	}
	if len(refs) == 0 {
		f.AskedAt = time.Time{}
	}
	return f, nil
}

// named says that a host means a commit that is here by a name.
func (u *Upstream) named(ctx context.Context, a *actions.KeptAction, asked time.Time, host, ref string) (*Found, error) {
	err := u.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.NameKept(ctx, &actions.KeptRef{Ref: ref, Host: host, Action: a, AskedAt: asked})
	})
	return &Found{Action: a, AskedAt: asked}, err
}

// put keeps what write writes.
func (u *Upstream) put(ctx context.Context, write func(w io.Writer) error) (blob.Info, error) {
	pr, pw := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		pw.CloseWithError(write(pw))
	}()
	info, err := u.Blobs.Put(ctx, pr, blob.PutOptions{Limit: u.Limits.Bytes})
	pr.CloseWithError(io.ErrClosedPipe) // write has ended, or ends now
	<-done
	return info, err
}

// pack writes the files of a commit as a gzipped tar.
func (u *Upstream) pack(ctx context.Context, s *gitrepo.Scratch, sha string, w io.Writer) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	out := &capped{w: zw, left: u.Limits.Files}
	if err = s.Archive(ctx, sha, Top(sha), out); out.left < 0 {
		return errTooLarge // which git calls a broken pipe
	}
	return errors.Join(err, zw.Close())
}

// Top is the directory of an archive that all of its files are in.
func Top(sha string) string { return "action-" + sha }

// A capped writer fails when it has got too much.
type capped struct {
	w    io.Writer
	left int64
}

var errTooLarge = actions.Errorf(actions.Invalid, "the files of the commit are too large")

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, errTooLarge
	}
	return c.w.Write(p)
}

// makeRoom forgets what was fetched and nobody got for longest, until there is room.
func (u *Upstream) makeRoom(ctx context.Context, size int64) error {
	if size > u.Limits.Quota {
		return actions.Errorf(actions.Invalid, "the commit takes %d MiB, and all actions from elsewhere may take %d MiB", size>>20, u.Limits.Quota>>20)
	}
	for {
		have, err := u.Store.FetchedBytes(ctx)
		if err != nil || have+size <= u.Limits.Quota {
			return err
		}
		list, err := u.Store.LeastUsed(ctx, 1)
		if err != nil || len(list) == 0 {
			return err
		}
		if err := u.Store.Update(ctx, func(tx *store.Tx) error { return tx.DropKept(ctx, list[0].ID, u.Now()) }); err != nil {
			return fmt.Errorf("room for actions: %w", err)
		}
		u.Log.InfoContext(ctx, "action dropped for room", "action", list[0].Name, "sha", list[0].SHA)
	}
}
