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
	GUID      string // random: what signed URLs know it by
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

const objectColumns = `id, repo_id, guid, status, size_limit, blocks, received, revision, list, size, digest, created_at, touched_at`

func scanObject(r db.Row) (*Object, error) {
	o := new(Object)
	return o, r.Scan(&o.ID, &o.RepoID, &o.GUID, &o.Status, &o.SizeLimit, &o.Blocks, &o.Received, &o.Revision, db.JSON(&o.List),
		&o.Size, &o.Digest, db.Time(&o.CreatedAt), db.Time(&o.TouchedAt))
}

// CreateObject adds an object that is open and empty, and has a GUID; it sets its id.
func (q queries) CreateObject(ctx context.Context, o *Object) error {
	if o.GUID == "" {
		return actions.Errorf(actions.Internal, "an object of repository %d has no GUID", o.RepoID)
	}
	o.Status = ObjectOpen
	id, err := db.One(ctx, q.ex, db.Value[int64], `insert into objects (repo_id, guid, status, size_limit, created_at, touched_at)
		values ($1, $2, $3, $4, $5, $6) returning id`, o.RepoID, o.GUID, string(o.Status), o.SizeLimit, db.Micros(o.CreatedAt), db.Micros(o.CreatedAt))
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
