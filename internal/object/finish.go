package object

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// A Sum is what [Objects.Finish] has computed.
type Sum struct {
	Size   int64  // bytes
	SHA256 string // lower-case hexadecimal

	revision int64 // of the list
	blocks   int   // different ones in it
}

// Finish computes the SHA-256 of an object whose list is committed and makes its
// bytes survive power loss. Several calls at once share the work. A sealed object
// answers what it was sealed with; Conflict when nothing was committed.
func (o *Objects) Finish(ctx context.Context, id int64) (Sum, error) {
	u, _ := o.uploads.known.Get(id)
	if u == nil {
		obj, err := o.store.Object(ctx, id)
		switch {
		case err != nil:
			return Sum{}, err
		case obj.Status == store.ObjectSealed:
			return Sum{Size: obj.Size, SHA256: obj.Digest}, nil
		}
		if u, err = o.known(obj); err != nil {
			return Sum{}, err
		}
	}
	select {
	case <-ctx.Done():
		return Sum{}, ctx.Err()
	case <-u.finish:
	}
	defer func() { u.finish <- struct{}{} }()
	l, err := o.list(ctx, u)
	if err != nil {
		return Sum{}, err
	}
	if s, ok := u.finished(l.revision); ok {
		return s, nil
	}
	s, err := o.sum(ctx, u, l)
	if err != nil {
		return Sum{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sum = &s
	return s, nil
}

// finished returns the sum of the list of that revision, if it is known.
func (u *upload) finished(revision int64) (Sum, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sum == nil || u.sum.revision != revision {
		return Sum{}, false
	}
	return *u.sum, true
}

// list is the committed list of an upload.
func (o *Objects) list(ctx context.Context, u *upload) (l *list, err error) {
	u.mu.Lock()
	l = u.list
	u.mu.Unlock()
	if l != nil {
		return l, nil
	}
	err = o.store.View(ctx, func(tx *store.Tx) error {
		obj, err := tx.Object(ctx, u.id)
		if err != nil {
			return err
		}
		if obj.Status == store.ObjectOpen {
			return actions.Errorf(actions.Conflict, "object %d has no list of blocks yet", u.id)
		}
		blocks, err := tx.Blocks(ctx, u.id)
		if err != nil {
			return err
		}
		l, err = listOf(obj, blocks)
		return err
	})
	return l, err
}

// sum hashes and flushes the parts of a list.
func (o *Objects) sum(ctx context.Context, u *upload, l *list) (Sum, error) {
	g, gctx := errgroup.WithContext(ctx)
	if len(l.parts) > 0 {
		g.Go(func() error { return o.blobs.Flush(gctx, l.keys()...) })
	}
	digest, err := o.digest(gctx, u, l)
	// The flush's own error comes first: it may be why the context ended.
	if e := g.Wait(); e != nil {
		err = e
	}
	made := l
	if c := o.composer(l); c != nil && err == nil {
		made, err = o.composed(ctx, c, u, l)
	}
	if actions.KindOf(err) == actions.NotFound {
		err = o.lost(ctx, u, l, err)
	}
	if err != nil {
		return Sum{}, err
	}
	return Sum{Size: made.size, SHA256: digest, revision: made.revision, blocks: made.blocks}, nil
}

// lost says why a blob of a list is not there.
func (o *Objects) lost(ctx context.Context, u *upload, l *list, err error) error {
	o.uploads.forget(u.id)
	obj, e := o.store.Object(ctx, u.id)
	switch {
	case e != nil: // dropped meanwhile
		return e
	case obj.Revision != l.revision: // by way of another server, perhaps
		return actions.Errorf(actions.Conflict, "object %d has another list now", u.id)
	}
	return fmt.Errorf("object %d: %v", u.id, err) //nolint:errorlint // power loss took it: our fault, and not "not found"
}

// keys are the blobs of a list.
func (l *list) keys() []string {
	keys := make([]string, len(l.parts))
	for i, p := range l.parts {
		keys[i] = p.blob
	}
	return keys
}

// digest is the SHA-256 of a list. It goes on from what was hashed ahead.
func (o *Objects) digest(ctx context.Context, u *upload, l *list) (string, error) {
	u.pause(true)
	defer u.pause(false)
	var state prefix
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case state = <-u.state:
	}
	defer func() { u.state <- state }()
	if !state.begins(l.parts) {
		state = newPrefix()
	}
	for _, p := range l.parts[state.blocks:] {
		next, err := o.hashOn(ctx, state, piece{p.blob, p.size})
		if err != nil {
			return "", err
		}
		state = next
	}
	return hex.EncodeToString(state.hash.Sum(nil)), nil
}

// composer is who joins the parts of a list, nil if they stay as they are.
func (o *Objects) composer(l *list) blob.Composer {
	c, ok := o.blobs.(blob.Composer)
	if !o.compose || !ok || len(l.parts) < 2 || len(l.parts) > blob.MaxCompose {
		return nil
	}
	if slices.ContainsFunc(l.parts[:len(l.parts)-1], func(p part) bool { return p.size < blob.MinCompose }) {
		return nil
	}
	return c
}

// composed joins the parts of a list in one blob, and makes that the list.
func (o *Objects) composed(ctx context.Context, c blob.Composer, u *upload, l *list) (*list, error) {
	info, err := c.Compose(ctx, l.keys())
	if err != nil {
		return nil, err
	}
	one := &list{parts: []part{{info.Key, 0, info.Size}}, blocks: 1, size: info.Size}
	var dead []string
	err = o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		obj, err := tx.Object(ctx, u.id)
		switch {
		case err != nil:
			return err
		case obj.Revision != l.revision || l.size != info.Size:
			return actions.Errorf(actions.Conflict, "object %d has changed", u.id)
		}
		b := &store.Block{ObjectID: u.id, Name: wholeName, Blob: info.Key, Size: info.Size}
		if _, _, err := tx.SaveBlock(ctx, b, o.now()); err != nil {
			return err
		}
		obj.List = []int64{b.Seq}
		if err := tx.SaveList(ctx, obj, o.now()); err != nil {
			return err
		}
		one.revision = obj.Revision
		dead, err = o.dropUnlisted(ctx, tx, obj, one.blocks)
		return err
	})
	if err != nil {
		return nil, o.refused(ctx, u, info.Key, err)
	}
	u.commit(one)
	o.deleteDead(ctx, dead...)
	return one, nil
}

// Seal makes an object readable and ends all change of it, in the transaction of
// the caller, which must be durable. Conflict when its list is not the one that
// s was computed of.
func (o *Objects) Seal(ctx context.Context, tx *store.Tx, id int64, s Sum) error {
	blocks, err := tx.SealObject(ctx, id, s.revision, s.SHA256, o.now())
	if err != nil {
		o.uploads.forget(id) // what is known of it is not true any more
		return err
	}
	if blocks > s.blocks { // came after the list
		obj, err := tx.Object(ctx, id)
		if err != nil {
			return err
		}
		dead, err := o.dropUnlisted(ctx, tx, obj, s.blocks)
		if err != nil {
			return err
		}
		tx.After(func() { o.deleteDead(context.WithoutCancel(ctx), dead...) })
	}
	tx.After(func() { o.uploads.forget(id) })
	return nil
}
