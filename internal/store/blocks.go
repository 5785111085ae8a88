package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// A Block is a piece of an object: one blob.
type Block struct {
	ObjectID int64
	Name     string // unique in the object
	Seq      int64  // set by [Tx.SaveBlock]; another one after each replacement
	Blob     string
	Size     int64 // bytes
}

const blockColumns = `object_id, name, seq, blob, size`

func scanBlock(r db.Row) (*Block, error) {
	b := new(Block)
	return b, r.Scan(&b.ObjectID, &b.Name, &b.Seq, &b.Blob, &b.Size)
}

// Blocks lists the blocks that an object holds in the order in which they came.
func (q queries) Blocks(ctx context.Context, objectID int64) ([]*Block, error) {
	return db.All(ctx, q.ex, scanBlock, `select `+blockColumns+` from object_blocks where object_id = $1 order by seq`, objectID)
}

// Block returns a block by its name.
func (q queries) Block(ctx context.Context, objectID int64, name string) (*Block, error) {
	return db.One(ctx, q.ex, scanBlock, `select `+blockColumns+` from object_blocks where object_id = $1 and name = $2`, objectID, name)
}

// Held is what an object holds once a block is saved.
type Held struct {
	Blocks    int
	Received  int64 // bytes
	SizeLimit int64
}

// SaveBlock adds a block to an object that still takes blocks, and sets its Seq.
// A block of the same name is replaced and returned; its blob becomes dead.
// NotFound when the object is gone, Conflict when it is sealed.
func (tx *Tx) SaveBlock(ctx context.Context, b *Block, now time.Time) (held Held, replaced *Block, err error) {
	scan := func(r db.Row) (seq int64, err error) {
		return seq, r.Scan(&seq, &held.Blocks, &held.Received, &held.SizeLimit)
	}
	b.Seq, err = db.One(ctx, tx.ex, scan, `update objects set seq = seq + 1, blocks = blocks + 1, received = received + $2, touched_at = $3
		where id = $1 and status in ('open', 'committed') returning seq, blocks, received, size_limit`, b.ObjectID, b.Size, db.Micros(now))
	if err != nil {
		return held, nil, tx.notTaken(ctx, b.ObjectID, err)
	}
	n, err := db.Exec(ctx, tx.ex, `insert into object_blocks (`+blockColumns+`) values ($1, $2, $3, $4, $5) on conflict (object_id, name) do nothing`,
		b.ObjectID, b.Name, b.Seq, b.Blob, b.Size)
	if err != nil {
		return held, nil, fmt.Errorf("block of object %d: %w", b.ObjectID, err)
	}
	if n == 0 {
		if replaced, err = tx.replaceBlock(ctx, b, now); err != nil {
			return held, nil, fmt.Errorf("block of object %d: %w", b.ObjectID, err)
		}
		held.Blocks--
		held.Received -= replaced.Size
	}
	return held, replaced, nil
}

func (tx *Tx) replaceBlock(ctx context.Context, b *Block, now time.Time) (*Block, error) {
	old, err := tx.Block(ctx, b.ObjectID, b.Name)
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, tx.ex, `update object_blocks set seq = $3, blob = $4, size = $5 where object_id = $1 and name = $2`,
		b.ObjectID, b.Name, b.Seq, b.Blob, b.Size); err != nil {
		return nil, err
	}
	if _, err := db.Exec(ctx, tx.ex, `update objects set blocks = blocks - 1, received = received - $2 where id = $1`, b.ObjectID, old.Size); err != nil {
		return nil, err
	}
	_, err = db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) values ($1, $2) on conflict do nothing`, old.Blob, db.Micros(now))
	return old, err
}

// DropBlocks removes blocks of an object. Their blobs become dead.
func (tx *Tx) DropBlocks(ctx context.Context, objectID int64, blocks []*Block, now time.Time) error {
	var bytes int64
	names := make([]string, len(blocks))
	for i, b := range blocks {
		names[i] = b.Name
		bytes += b.Size
	}
	for args, marks := range db.Batches(names, objectID, db.Micros(now)) {
		if _, err := db.Exec(ctx, tx.ex, `insert into dead_blobs (blob, created_at) select blob, cast($2 as bigint) from object_blocks
			where object_id = $1 and name in (`+marks+`) on conflict do nothing`, args...); err != nil {
			return fmt.Errorf("blocks of object %d: %w", objectID, err)
		}
	}
	for args, marks := range db.Batches(names, objectID) {
		if _, err := db.Exec(ctx, tx.ex, `delete from object_blocks where object_id = $1 and name in (`+marks+`)`, args...); err != nil {
			return fmt.Errorf("blocks of object %d: %w", objectID, err)
		}
	}
	_, err := db.Exec(ctx, tx.ex, `update objects set blocks = blocks - $2, received = received - $3 where id = $1`, objectID, len(blocks), bytes)
	if err != nil {
		return fmt.Errorf("object %d: %w", objectID, err)
	}
	return nil
}

// ForgetBlocks removes the rows of blocks of dropped objects, once their bytes
// are gone.
func (tx *Tx) ForgetBlocks(ctx context.Context, blobs ...string) error {
	for args, marks := range db.Batches(blobs) {
		if _, err := db.Exec(ctx, tx.ex, `delete from object_blocks where blob in (`+marks+`)
			and exists (select 1 from objects o where o.id = object_blocks.object_id and o.status = 'dropped')`, args...); err != nil {
			return err
		}
	}
	return nil
}
