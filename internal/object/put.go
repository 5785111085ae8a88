package object

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// saveTime bounds how long a row is waited for once its blob is there.
const saveTime = 30 * time.Second

// Begin makes an object that is open, in the transaction of the caller, who keeps
// its id. It may have at most limit bytes. An object that is not sealed and gets
// nothing for a day is dropped.
func (o *Objects) Begin(ctx context.Context, tx *store.Tx, repoID, limit int64) (id int64, err error) {
	obj := &store.Object{RepoID: repoID, GUID: uuid.NewString(), SizeLimit: limit, CreatedAt: o.now()}
	if err := tx.CreateObject(ctx, obj); err != nil {
		return 0, err
	}
	tx.After(func() { o.uploads.add(newUpload(obj.ID, limit, 0)) })
	return obj.ID, nil
}

// PutBlock adds a block. The name is whatever the client calls it, up to 128
// bytes; when it comes again the last body wins, unless a list that was committed
// has the block: that is a Conflict. size is the declared length, 0 when
// unknown. A body that is longer or shorter, or breaks off, leaves nothing.
// The block survives the end of this process, and power loss after [Objects.Seal].
//
// Errors: Malformed for a bad name or a wrong size, Invalid when the object or the
// block becomes too large, TooMany for too many blocks, NotFound when the object is
// gone, Conflict when it is sealed, Unavailable for a full disk.
func (o *Objects) PutBlock(ctx context.Context, id int64, name string, r io.Reader, size int64) error {
	key, err := clientName(name)
	if err != nil {
		return err
	}
	t := ticket{kind: byArrival}
	if index, ok := indexOf(name); ok {
		t = ticket{kind: byIndex, position: index}
	}
	return o.put(ctx, id, key, t, r, size, o.saveBlock)
}

// PutRange adds the piece of an object that begins at offset. Pieces come in any
// order; one that begins where another does replaces it. Otherwise it is
// [Objects.PutBlock].
func (o *Objects) PutRange(ctx context.Context, id, offset int64, r io.Reader, size int64) error {
	if offset < 0 {
		return actions.Errorf(actions.Malformed, "a piece begins at %d", offset)
	}
	return o.put(ctx, id, rangeName(offset), ticket{kind: byOffset, position: offset}, r, size, o.saveBlock)
}

// PutWhole is [Objects.PutBlock] and [Objects.Commit] of an object in one piece.
// It replaces all that came before.
func (o *Objects) PutWhole(ctx context.Context, id int64, r io.Reader, size int64) error {
	return o.put(ctx, id, wholeName, ticket{kind: byIndex}, r, size, o.saveWhole)
}

// put writes the blob of a block and saves its row.
func (o *Objects) put(ctx context.Context, id int64, name string, t ticket, r io.Reader, size int64,
	save func(context.Context, *upload, *store.Block) (held int64, err error),
) (err error) {
	u, err := o.upload(ctx, id)
	if err != nil {
		return err
	}
	limit := min(u.limit, o.limits.Block)
	if size > limit {
		return blob.ErrTooLarge(limit)
	}
	t = u.admit(t)
	in := &body{r: r, u: u}
	held := int64(-1)
	defer func() {
		u.arrived(in.n, held)
		if err != nil {
			u.failed(t)
		}
	}()
	var content io.Reader = in
	if t.ahead != nil {
		content = io.TeeReader(in, t.ahead.hash)
	}
	info, err := o.blobs.Put(ctx, content, blob.PutOptions{Limit: limit, Size: size, Relaxed: true})
	if err != nil {
		return fmt.Errorf("object %d: %w", id, err)
	}
	// The sender has sent all, and may be gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	held, err = save(ctx, u, &store.Block{ObjectID: id, Name: name, Blob: info.Key, Size: info.Size})
	if err != nil {
		held = -1
		return o.refused(ctx, u, info.Key, err)
	}
	if u.came(t, piece{info.Key, info.Size}) {
		o.wake(u)
	}
	return nil
}

// refused removes the blob of a block whose row was refused. After any other
// error the row may be there nevertheless, so the blob stays.
func (o *Objects) refused(ctx context.Context, u *upload, key string, err error) error {
	switch actions.KindOf(err) {
	case actions.NotFound, actions.Conflict:
		o.uploads.forget(u.id) // it has ended, perhaps elsewhere
	case actions.Invalid, actions.TooMany, actions.Malformed:
	default:
		return err
	}
	if e := o.blobs.Delete(ctx, key); e != nil {
		o.log.WarnContext(ctx, "blob left behind", "blob", key, "err", e)
	}
	return err
}

// saveBlock saves the row of a block that a list will name.
func (o *Objects) saveBlock(ctx context.Context, _ *upload, b *store.Block) (bytes int64, err error) {
	var replaced *store.Block
	err = o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		var held store.Held
		if held, replaced, err = tx.SaveBlock(ctx, b, o.now()); err != nil {
			return err
		}
		bytes = held.Received
		switch {
		case held.Received > held.SizeLimit:
			return tooLarge(b.ObjectID, held.SizeLimit)
		case held.Blocks > o.limits.Blocks:
			return tooMany(b.ObjectID, o.limits.Blocks)
		case replaced == nil:
			return nil
		}
		obj, err := tx.Object(ctx, b.ObjectID)
		if err == nil && slices.Contains(obj.List, replaced.Seq) {
			err = actions.Errorf(actions.Conflict, "the block is in the list of object %d already", b.ObjectID)
		}
		return err
	})
	if err == nil && replaced != nil {
		o.deleteDead(ctx, replaced.Blob)
	}
	return bytes, err
}

// saveWhole saves the row of the only block of an object, and the list of it.
func (o *Objects) saveWhole(ctx context.Context, u *upload, b *store.Block) (bytes int64, err error) {
	var dead []string
	l := &list{parts: []part{{b.Blob, 0, b.Size}}, blocks: 1, size: b.Size}
	err = o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		dead = nil
		held, replaced, err := tx.SaveBlock(ctx, b, o.now())
		if err != nil {
			return err
		}
		if replaced != nil {
			dead = append(dead, replaced.Blob)
		}
		if b.Size > held.SizeLimit {
			return tooLarge(b.ObjectID, held.SizeLimit)
		}
		obj := &store.Object{ID: b.ObjectID, List: []int64{b.Seq}, Size: b.Size}
		if err := tx.SaveList(ctx, obj, o.now()); err != nil {
			return err
		}
		l.revision = obj.Revision
		blobs, err := o.dropUnlisted(ctx, tx, obj, l.blocks)
		dead = append(dead, blobs...)
		return err
	})
	if err != nil {
		return 0, err
	}
	u.commit(l)
	o.deleteDead(ctx, dead...)
	return b.Size, nil
}

func tooMany(id int64, limit int) error {
	return actions.Errorf(actions.TooMany, "object %d has more than %d blocks", id, limit)
}
