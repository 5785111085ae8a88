package runnerapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/queue"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

// createSession serves POST session (§4.1). While another session of the runner
// is polling, a second one is a conflict.
func (a *API) createSession(w http.ResponseWriter, r *http.Request) error {
	s, runner, err := a.session(r)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.Session{
		SessionID: s.ID, OwnerName: s.Owner, Agent: wire.Agent{ID: wire.Int(runner.ID), Name: runner.Name},
	})
}

// session opens the session that a request asks for.
func (a *API) session(r *http.Request) (*actions.Session, *actions.Runner, error) {
	runner, err := a.callingRunner(r)
	if err != nil {
		return nil, nil, err
	}
	var req wire.Session
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return nil, nil, err
	}
	s, err := a.openSession(r.Context(), runner, req.OwnerName)
	return s, runner, err
}

func (a *API) openSession(ctx context.Context, runner *actions.Runner, owner string) (*actions.Session, error) {
	now := a.Now()
	owner = bounded(owner, maxOwner)
	s := &actions.Session{ID: a.NewID(), RunnerID: runner.ID, Owner: owner, CreatedAt: now, PolledAt: now}
	err := a.Store.Update(ctx, func(tx *store.Tx) error {
		old, err := tx.RunnerSession(ctx, runner.ID)
		if err == nil && old.Owner != owner && now.Sub(old.PolledAt) < actions.SessionLife {
			return actions.Errorf(actions.Conflict, "runner %s has a session of %s", runner.Name, old.Owner)
		}
		if err != nil && actions.KindOf(err) != actions.NotFound {
			return err
		}
		if err := tx.SeeRunner(ctx, runner, now); err != nil {
			return err
		}
		return tx.SaveSession(ctx, s)
	})
	if err != nil {
		return nil, err
	}
	a.release(runner.ID)
	a.Log.InfoContext(ctx, "runner connected", "runner", runner.ID, "name", runner.Name)
	return s, nil
}

// deleteSession serves DELETE session. Without an id: it is the session of the
// runner in the token.
func (a *API) deleteSession(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	if err := a.Store.DeleteSession(r.Context(), runner.ID); err != nil {
		return err
	}
	a.release(runner.ID)
	a.seen(runner, "", time.Time{}) // offline
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// message serves GET message (§4.2): the poll of a runner, held until there is
// news. 202 says that there is none; the runner asks again at once.
func (a *API) message(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	if err := a.checkSession(r.Context(), runner, query.Get("sessionId")); err != nil {
		return err
	}
	online := !strings.EqualFold(query.Get("status"), wire.StatusBusy)
	if err := a.introduce(r.Context(), runner, query); err != nil {
		return err
	}
	a.seen(runner, query.Get("sessionId"), a.Now())
	if !online {
		a.idle.end(runner.ID)
	} else if err := a.expectCompletion(r.Context(), runner); err != nil {
		return err
	}
	m, err := a.wait(r.Context(), runner, query.Get("sessionId"), online)
	if err != nil {
		return err
	}
	if m == nil {
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	return a.writeMessage(w, r, m)
}

// wait holds the poll until there is news. A poll that was ended because its
// session or its runner is over leaves no trace. One whose client hung up, and
// that was the runner's newest, ends the session's claim: a runner that was
// killed may come back at once.
func (a *API) wait(ctx context.Context, runner *actions.Runner, session string, online bool) (*queue.Message, error) {
	poll, cancel := context.WithTimeout(ctx, a.timing.poll)
	defer cancel()
	poll, end := a.polls.begin(poll, runner.ID)
	m, err := a.Queue.Message(poll, runner, online)
	released := errors.Is(poll.Err(), context.Canceled)
	newest := end()
	switch {
	case !released:
		a.seen(runner, session, a.Now())
	case ctx.Err() != nil && newest:
		a.seen(runner, session, a.Now().Add(-actions.SessionLife))
	}
	return m, err
}

// introduce writes at once what a runner says of itself, where that is new.
func (a *API) introduce(ctx context.Context, runner *actions.Runner, query url.Values) error {
	said := *runner
	said.OS, said.Arch = bounded(query.Get("os"), maxWord), bounded(query.Get("architecture"), maxWord)
	said.Version = bounded(query.Get("runnerVersion"), maxWord)
	if said.OS == runner.OS && said.Arch == runner.Arch && said.Version == runner.Version {
		return nil
	}
	*runner = said
	return a.Store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.SeeRunner(ctx, runner, a.Now()) })
}

const (
	maxWord  = 64  // bytes of what a runner says of itself
	maxOwner = 255 // bytes of the name that it gives its session
)

// bounded makes what a runner says of itself short, printable and UTF-8.
func bounded(s string, most int) string {
	s = strings.ToValidUTF8(s[:min(len(s), most)], "")
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return -1
	}, s)
}

// checkSession finds out whether the poll is of the runner's session. A runner
// without one may go on with the id that it has: old ones know no other way out.
func (a *API) checkSession(ctx context.Context, runner *actions.Runner, id string) error {
	if uuid.Validate(id) != nil {
		return invalidSession{actions.Errorf(actions.Malformed, "sessionId is not a GUID")}
	}
	s, err := a.Store.RunnerSession(ctx, runner.ID)
	if err == nil && s.ID == id {
		return nil
	}
	now := a.Now()
	if err == nil && now.Sub(s.PolledAt) < actions.SessionLife {
		return invalidSession{actions.Errorf(actions.Conflict, "runner %s has another session", runner.Name)}
	}
	if err != nil && actions.KindOf(err) != actions.NotFound {
		return err
	}
	return a.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.SaveSession(ctx, &actions.Session{ID: id, RunnerID: runner.ID, Owner: runner.Name, CreatedAt: now, PolledAt: now})
	})
}

// ownSession is an error if the runner has another session than id.
func (a *API) ownSession(ctx context.Context, runner *actions.Runner, id string) error {
	s, err := a.Store.RunnerSession(ctx, runner.ID)
	switch {
	case actions.KindOf(err) == actions.NotFound, err == nil && s.ID != id:
		return invalidSession{actions.Errorf(actions.Conflict, "runner %s has another session", runner.Name)}
	}
	return err
}

// seen notes when a runner was heard of last. It need not be on disk.
func (a *API) seen(runner *actions.Runner, session string, at time.Time) {
	a.Store.Soon("runner "+strconv.FormatInt(runner.ID, 10), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.SeeRunner(ctx, runner, at); err != nil {
			return err
		}
		return tx.TouchSession(ctx, session, at)
	})
}

func (a *API) writeMessage(w http.ResponseWriter, r *http.Request, m *queue.Message) error {
	msg := wire.Message{}
	var body any
	switch {
	case m.Cancel != nil:
		msg.MessageID, msg.MessageType = wire.Int(m.Cancel.ID), wire.JobCancellationType
		body = wire.JobCancellation{JobID: m.Cancel.GUID, Timeout: wire.Duration(m.Cancel.CancelTimeout)}
	default:
		msg.MessageID, msg.MessageType = wire.Int(m.Offer.ID), wire.RunnerJobRequestType
		body = wire.RunnerJobRequest{
			ID: m.Offer.GUID, RunnerRequestID: m.Offer.GUID, ShouldAcknowledge: true,
			RunServiceURL: baseOf(r).run(), BillingOwnerID: "",
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	msg.Body = string(text)
	return httpjson.Write(w, http.StatusOK, msg)
}

// acknowledge serves POST acknowledge (§4.4). A session that was taken over
// cannot do it any more.
func (a *API) acknowledge(w http.ResponseWriter, r *http.Request) error {
	runner, err := a.callingRunner(r)
	if err != nil {
		return err
	}
	var req wire.AcknowledgeRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	if err := a.ownSession(r.Context(), runner, r.URL.Query().Get("sessionId")); err != nil {
		return err
	}
	if !a.Queue.Acknowledge(runner.ID, strings.ToLower(req.RunnerRequestID)) {
		// Acquired already, or offered before this server started: acquirejob decides.
		a.Log.DebugContext(r.Context(), "acknowledged what is not offered", "runner", runner.ID)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
