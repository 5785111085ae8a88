package object

import (
	"cmp"
	"context"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Commit says which blocks an object consists of, by their names, and in which
// order; a block may come more than once. Blocks that are not named are gone then.
// Another list replaces this one, and may name its blocks, until the object is
// sealed. A name that no block has is Malformed (ErrUnknownBlock) and changes
// nothing. An empty list makes an empty object.
func (o *Objects) Commit(ctx context.Context, id int64, names []string) error {
	if len(names) > o.limits.Blocks {
		return tooMany(id, o.limits.Blocks)
	}
	keys := make([]string, len(names))
	for i, name := range names {
		key, err := clientName(name)
		if err != nil {
			return err
		}
		keys[i] = key
	}
	return o.commit(ctx, id, func(blocks []*store.Block) ([]*store.Block, error) {
		byName := make(map[string]*store.Block, len(blocks))
		for _, b := range blocks {
			byName[b.Name] = b
		}
		listed := make([]*store.Block, len(keys))
		for i, key := range keys {
			if listed[i] = byName[key]; listed[i] == nil {
				return nil, actions.Errorf(actions.Malformed, "%w: no block %.140q", ErrUnknownBlock, names[i])
			}
		}
		return listed, nil
	})
}

// CommitRanges is [Objects.Commit] of all pieces of [Objects.PutRange]. They must
// cover the bytes from 0 to size exactly, each once; else the error is Malformed
// (ErrUnknownBlock).
func (o *Objects) CommitRanges(ctx context.Context, id, size int64) error {
	return o.commit(ctx, id, func(blocks []*store.Block) ([]*store.Block, error) {
		type ranged struct {
			*store.Block
			offset int64
		}
		var pieces []ranged
		for _, b := range blocks {
			if offset, ok := offsetOf(b.Name); ok {
				pieces = append(pieces, ranged{b, offset})
			}
		}
		slices.SortFunc(pieces, func(a, b ranged) int { return cmp.Compare(a.offset, b.offset) })
		var end int64
		var listed []*store.Block
		for _, p := range pieces {
			if p.offset != end {
				break
			}
			end += p.Size
			listed = append(listed, p.Block)
		}
		if end != size || len(listed) < len(pieces) {
			return nil, actions.Errorf(actions.Malformed, "%w: pieces cover 0 to %d, not %d", ErrUnknownBlock, end, size)
		}
		return listed, nil
	})
}

// commit makes the blocks that arrange chooses the list of an object.
func (o *Objects) commit(ctx context.Context, id int64, arrange func([]*store.Block) ([]*store.Block, error)) error {
	u, err := o.upload(ctx, id)
	if err != nil {
		return err
	}
	var l *list
	var dead []string
	err = o.store.UpdateRelaxed(ctx, func(tx *store.Tx) error {
		blocks, err := tx.Blocks(ctx, id)
		if err != nil {
			return err
		}
		listed, err := arrange(blocks)
		if err != nil {
			return o.ended(ctx, tx, id, err)
		}
		obj := &store.Object{ID: id}
		l, obj.List = newList(listed)
		obj.Size = l.size
		if err := tx.SaveList(ctx, obj, o.now()); err != nil {
			return err
		}
		if l.revision = obj.Revision; l.size > obj.SizeLimit {
			return tooLarge(id, obj.SizeLimit)
		}
		dead, err = o.dropUnlisted(ctx, tx, obj, l.blocks)
		return err
	})
	if err != nil {
		return err
	}
	u.commit(l)
	o.deleteDead(ctx, dead...)
	return nil
}

// newList makes a list of blocks in their order, and the form of it that is stored.
func newList(blocks []*store.Block) (*list, []int64) {
	l := &list{parts: make([]part, len(blocks))}
	seqs := make([]int64, len(blocks))
	seen := make(map[int64]bool, len(blocks))
	for i, b := range blocks {
		l.parts[i] = part{b.Blob, l.size, b.Size}
		l.size += b.Size
		seqs[i] = b.Seq
		seen[b.Seq] = true
	}
	l.blocks = len(seen)
	return l, seqs
}

// listOf is the list of an object that holds these blocks.
func listOf(obj *store.Object, blocks []*store.Block) (*list, error) {
	bySeq := make(map[int64]*store.Block, len(blocks))
	for _, b := range blocks {
		bySeq[b.Seq] = b
	}
	listed := make([]*store.Block, len(obj.List))
	for i, seq := range obj.List {
		if listed[i] = bySeq[seq]; listed[i] == nil { // dropped since its row was read
			return nil, actions.Errorf(actions.NotFound, "object %d has lost a block", obj.ID)
		}
	}
	l, _ := newList(listed)
	l.revision = obj.Revision
	return l, nil
}

// ended says that an object takes no list any more, where that is why it has
// none of its blocks; else it returns err.
func (o *Objects) ended(ctx context.Context, tx *store.Tx, id int64, err error) error {
	obj, e := tx.Object(ctx, id)
	switch {
	case e != nil:
		return e
	case obj.Status == store.ObjectSealed:
		return sealed(id)
	}
	return err
}

// dropUnlisted removes the blocks that are not in the list of an object, which has
// so many different ones, and returns their blobs.
func (o *Objects) dropUnlisted(ctx context.Context, tx *store.Tx, obj *store.Object, listed int) (dead []string, err error) {
	if obj.Blocks <= listed {
		return nil, nil
	}
	blocks, err := tx.Blocks(ctx, obj.ID)
	if err != nil {
		return nil, err
	}
	in := make(map[int64]bool, len(obj.List))
	for _, seq := range obj.List {
		in[seq] = true
	}
	blocks = slices.DeleteFunc(blocks, func(b *store.Block) bool { return in[b.Seq] })
	for _, b := range blocks {
		dead = append(dead, b.Blob)
	}
	return dead, tx.DropBlocks(ctx, obj.ID, blocks, o.now())
}
