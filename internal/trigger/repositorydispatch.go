package trigger

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// A RepositoryDispatch asks for runs of all workflows that listen to what it names.
type RepositoryDispatch struct {
	Base    shape.Base
	Repo    *actions.Repository
	Actor   *actions.Account
	ByJob   bool
	Type    string // its own name, by which workflows select it
	Payload []byte // a JSON object; empty for none
}

// DispatchRepository notes the event, and makes its runs as [Trigger.Happened] does.
func (t *Trigger) DispatchRepository(ctx context.Context, d *RepositoryDispatch) error {
	if err := t.Busy(d.Repo, d.Actor); err != nil {
		return err
	}
	e := &event.Event{
		Name: "repository_dispatch", Action: d.Type, Repo: d.Repo, Actor: d.Actor, ByJob: d.ByJob, Base: d.Base, Title: d.Type,
		RepositoryDispatch: &event.RepositoryDispatch{Payload: d.Payload},
	}
	var p *actions.Push
	err := t.store.Update(ctx, func(tx *store.Tx) (err error) {
		p, err = t.Happen(ctx, tx, e)
		return err
	})
	if err != nil {
		return err
	}
	t.Happened(ctx, d.Base, p)
	return nil
}
