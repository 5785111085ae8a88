package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/store"
)

// Room is how many parts fit between two numbers of [Logs.NewPart].
const Room = 1024

// saveTime bounds how long a row is waited for once its blob is there.
const saveTime = 30 * time.Second

// NewPart makes the number of a part that is still to come: higher than any
// before, and spaced by [Room]. It writes nothing; a number may stay unused.
func (l *Logs) NewPart() int64 {
	for {
		last := l.part.Load()
		next := max(l.now().UnixMicro()*Room, last+Room)
		if l.part.CompareAndSwap(last, next) {
			return next
		}
	}
}

// PutPart adds a part to the log of a step, or of the whole job when step is the
// job's GUID. The part of that number, if there is one, is replaced. When
// PutPart returns without error the text is on disk; with an error nothing of
// it is kept. An empty body changes nothing. One that is too long is Invalid.
func (l *Logs) PutPart(ctx context.Context, job *actions.Job, step string, part int64, body io.Reader) error {
	p, err := l.putText(ctx, job, step, body)
	if err != nil || p == nil {
		return err
	}
	p.Part = part
	return l.save(ctx, p, func(ctx context.Context, tx *store.Tx) error { return tx.SaveLogPart(ctx, p) })
}

// AppendPart is [Logs.PutPart] for clients that may send several bodies to one
// URL: they become part, part+1 and so on. A body that is already there, byte for
// byte, is a repetition and is not added again.
func (l *Logs) AppendPart(ctx context.Context, job *actions.Job, step string, part int64, body io.Reader) error {
	p, err := l.putText(ctx, job, step, body)
	if err != nil || p == nil {
		return err
	}
	for {
		others, err := l.store.LogParts(ctx, job.ID, step, part, part+Room)
		if err != nil {
			return l.dropped(ctx, p.Blob, err)
		}
		known, err := l.has(ctx, others, p)
		if known || err != nil {
			return l.dropped(ctx, p.Blob, err)
		}
		p.Part = part
		if n := len(others); n > 0 {
			p.Part = others[n-1].Part + 1
		}
		if p.Part >= part+Room {
			return l.dropped(ctx, p.Blob, actions.Errorf(actions.TooMany, "more than %d pieces at one URL", Room))
		}
		moved := false // another body came in between
		err = l.save(ctx, p, func(ctx context.Context, tx *store.Tx) error {
			there, err := tx.LogParts(ctx, job.ID, step, p.Part, p.Part+1)
			if moved = len(there) > 0; err != nil || moved {
				return err
			}
			return tx.SaveLogPart(ctx, p)
		})
		if err != nil || !moved {
			return err
		}
	}
}

// putText writes the blob of a part. It is nil when there is nothing to keep.
func (l *Logs) putText(ctx context.Context, job *actions.Job, step string, body io.Reader) (*store.LogPart, error) {
	if step == store.DiagnosticsStep || step == store.SubjectsStep {
		return nil, actions.Errorf(actions.Invalid, "%s is no step", step)
	}
	used, parts, err := l.store.LogSize(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	if parts >= l.limits.Parts {
		return nil, actions.Errorf(actions.TooMany, "the log of job %d has %d parts already", job.ID, parts)
	}
	t, err := newText(body, l.limits.Job, used, l.now())
	if err != nil || t == nil {
		return nil, err
	}
	if used > l.limits.Job { // and its last line says so
		_, err := io.Copy(io.Discard, body)
		return nil, err
	}
	b, err := l.blobs.Put(ctx, t, blob.PutOptions{Limit: l.limits.Part + t.extra()})
	if err != nil {
		return nil, fmt.Errorf("log of job %d: %w", job.ID, err)
	}
	return &store.LogPart{JobID: job.ID, Step: step, Blob: b.Key, Size: b.Size, Lines: t.lines, CreatedAt: l.now()}, nil
}

// save commits the row of p, also when the sender, who has sent all, is gone.
func (l *Logs) save(ctx context.Context, p *store.LogPart, fn func(context.Context, *store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	err := l.store.UpdateRows(ctx, func(tx *store.Tx) error { return fn(ctx, tx) })
	if err == nil {
		l.tellStored(p.JobID)
	}
	return l.orphaned(ctx, p.Blob, err)
}

// tellStored tells followers of the job that there is more to read. Those here have
// seen it live if they could.
func (l *Logs) tellStored(jobID int64) {
	tell := l.store.Publish
	if l.hub.connected(jobID) {
		tell = l.store.Announce
	}
	tell(store.LinesTopic(jobID))
}

// orphaned removes a blob whose row was refused. After any other error the row
// may be there nevertheless, so the blob must stay.
func (l *Logs) orphaned(ctx context.Context, key string, err error) error {
	switch actions.KindOf(err) { //nolint:exhaustive // the others leave the outcome open
	case actions.Conflict, actions.NotFound:
		return l.dropped(ctx, key, err)
	}
	return err
}

// dropped removes a blob that never got a row, and returns err.
func (l *Logs) dropped(ctx context.Context, key string, err error) error {
	if e := l.blobs.Delete(context.WithoutCancel(ctx), key); e != nil {
		l.log.WarnContext(ctx, "blob left behind", "blob", key, "err", e)
	}
	return err
}

// has tells whether one of the parts has the same content as p.
func (l *Logs) has(ctx context.Context, parts []*store.LogPart, p *store.LogPart) (bool, error) {
	for _, other := range parts {
		if other.Size != p.Size || other.Lines != p.Lines {
			continue
		}
		same, err := l.same(ctx, other.Blob, p.Blob)
		if same || err != nil {
			return same, err
		}
	}
	return false, nil
}

func (l *Logs) same(ctx context.Context, a, b string) (same bool, err error) {
	x, err := l.blobs.Open(ctx, a)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, x.Close()) }()
	y, err := l.blobs.Open(ctx, b)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, y.Close()) }()
	return equal(x, y)
}
