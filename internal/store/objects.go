package store

import (
	"context"
	"fmt"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

// An ObjectStatus says what may be done with an object.
type ObjectStatus string

// The statuses of an object, in their order.
const (
	ObjectOpen      ObjectStatus = "open"      // takes blocks
	ObjectCommitted ObjectStatus = "committed" // takes blocks, and has a list of those that count
	ObjectSealed    ObjectStatus = "sealed"    // can be read, and never changes
	ObjectDropped   ObjectStatus = "dropped"   // its bytes are being removed
)

// An Object is bytes that came in blocks: what an artifact or a cache holds.
type Object struct {
	ID        int64
	RepoID    int64
	Status    ObjectStatus
	SizeLimit int64   // bytes
	Blocks    int     // that it holds, listed or not
	Received  int64   // bytes of these blocks
	Revision  int64   // of the list: another one has a greater revision
	List      []int64 // Seq of the blocks that it consists of, in order
	Size      int64   // bytes of the list
	Digest    string  // hexadecimal SHA-256, once sealed
	CreatedAt time.Time
	TouchedAt time.Time
}

const objectColumns = `id, repo_id, status, size_limit, blocks, received, revision, list, size, digest, created_at, touched_at`

func scanObject(r db.Row) (*Object, error) {
	o := new(Object)
	return o, r.Scan(&o.ID, &o.RepoID, &o.Status, &o.SizeLimit, &o.Blocks, &o.Received, &o.Revision, db.JSON(&o.List),
		&o.Size, &o.Digest, db.Time(&o.CreatedAt), db.Time(&o.TouchedAt))
}

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

// CreateObject adds an object that is open and empty, and sets its id.
func (q queries) CreateObject(ctx context.Context, o *Object) error {
	o.Status = ObjectOpen
	id, err := db.One(ctx, q.ex, db.Value[int64], `insert into objects (repo_id, status, size_limit, created_at, touched_at)
		values ($1, $2, $3, $4, $5) returning id`, o.RepoID, string(o.Status), o.SizeLimit, db.Micros(o.CreatedAt), db.Micros(o.CreatedAt))
	if err != nil {
		return fmt.Errorf("object of repository %d: %w", o.RepoID, err)
	}
	o.ID = id
	return nil
}

// Object returns an object; NotFound when it is dropped, too.
func (q queries) Object(ctx context.Context, id int64) (*Object, error) {
	o, err := db.One(ctx, q.ex, scanObject, `select `+objectColumns+` from objects where id = $1 and status <> 'dropped'`, id)
	if err != nil {
		return nil, fmt.Errorf("object %d: %w", id, err)
	}
	return o, nil
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

// notTaken says why an object did not take what came, if err is that it did not.
func (q queries) notTaken(ctx context.Context, id int64, err error) error {
	if actions.KindOf(err) != actions.NotFound {
		return fmt.Errorf("object %d: %w", id, err)
	}
	o, err := q.Object(ctx, id)
	if err != nil {
		return err
	}
	return actions.Errorf(actions.Conflict, "object %d is %s", id, o.Status)
}

// SaveList says which blocks an object consists of (List, Size). It sets
// Revision, Blocks and SizeLimit. Errors as of [Tx.SaveBlock].
func (tx *Tx) SaveList(ctx context.Context, o *Object, now time.Time) error {
	scan := func(r db.Row) (revision int64, err error) {
		return revision, r.Scan(&revision, &o.Blocks, &o.SizeLimit)
	}
	revision, err := db.One(ctx, tx.ex, scan, `update objects set status = 'committed', seq = seq + 1, revision = seq + 1,
		list = $2, size = $3, touched_at = $4
		where id = $1 and status in ('open', 'committed') returning revision, blocks, size_limit`,
		o.ID, db.Text(o.List), o.Size, db.Micros(now))
	if err != nil {
		return tx.notTaken(ctx, o.ID, err)
	}
	o.Status, o.Revision = ObjectCommitted, revision
	return nil
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

// SealObject makes an object readable and unchangeable, and returns how many
// blocks it holds. Conflict when its list is not of that revision any more.
func (tx *Tx) SealObject(ctx context.Context, id, revision int64, digest string, now time.Time) (blocks int, err error) {
	blocks, err = db.One(ctx, tx.ex, db.Value[int], `update objects set status = 'sealed', digest = $3, touched_at = $4
		where id = $1 and status = 'committed' and revision = $2 returning blocks`, id, revision, digest, db.Micros(now))
	if err != nil {
		return 0, tx.notTaken(ctx, id, err)
	}
	return blocks, nil
}

// DropObjects makes objects unreadable. What they hold is listed by
// [Store.ObjectBlobs] until [Tx.ForgetObjects].
func (tx *Tx) DropObjects(ctx context.Context, now time.Time, ids ...int64) error {
	for args, marks := range db.Batches(ids, db.Micros(now)) {
		if _, err := db.Exec(ctx, tx.ex, `update objects set status = 'dropped', touched_at = $1 where id in (`+marks+`)`, args...); err != nil {
			return fmt.Errorf("dropped objects: %w", err)
		}
	}
	return nil
}

// DroppedObjects lists up to limit objects whose bytes are being removed.
func (q queries) DroppedObjects(ctx context.Context, limit int) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select id from objects where status = 'dropped' order by id limit $1`, limit)
}

// StaleObjects lists up to limit objects that are not sealed and got nothing
// since the given time.
func (q queries) StaleObjects(ctx context.Context, since time.Time, limit int) ([]int64, error) {
	return db.All(ctx, q.ex, db.Value[int64], `select id from objects where status <> 'sealed' and status <> 'dropped'
		and created_at < $1 and touched_at < $1 order by created_at limit $2`, db.Micros(since), limit)
}

// ObjectBlobs lists up to limit blobs that objects hold.
func (q queries) ObjectBlobs(ctx context.Context, limit int, ids ...int64) (blobs []string, err error) {
	for args, marks := range db.Batches(ids, limit) {
		some, err := db.All(ctx, q.ex, db.Value[string], `select blob from object_blocks where object_id in (`+marks+`) limit $1`, args...)
		if err != nil {
			return nil, fmt.Errorf("blobs of objects: %w", err)
		}
		if blobs = append(blobs, some...); len(blobs) >= limit {
			return blobs[:limit], nil
		}
	}
	return blobs, nil
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

// ForgetObjects removes the rows of dropped objects and their blocks, once all
// their bytes are gone.
func (tx *Tx) ForgetObjects(ctx context.Context, ids ...int64) error {
	for args, marks := range db.Batches(ids) {
		if _, err := db.Exec(ctx, tx.ex, `delete from objects where id in (`+marks+`) and status = 'dropped'`, args...); err != nil {
			return err
		}
	}
	return nil
}
