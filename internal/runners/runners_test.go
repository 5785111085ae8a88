package runners_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

func TestAReplacedRunnerLosesItsSessionAndPoll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old, session := w.connected("box")
		key, err := oneKey()
		w.must(err)
		again := &actions.Runner{Name: "box", Labels: old.Labels}
		w.wantKind("a name in use", w.Register(t.Context(), again, &key.PublicKey, false), actions.Conflict)
		poll := w.poll(old, runners.Poll{Session: session.ID})
		w.must(w.Register(t.Context(), again, &key.PublicKey, true))
		w.ended(poll)
		_, err = w.st.Runner(t.Context(), old.ID)
		w.wantKind("the runner that was replaced", err, actions.NotFound)
		_, err = w.st.RunnerSession(t.Context(), old.ID)
		w.wantKind("its session", err, actions.NotFound)
	})
}

func TestAPollEndsWithItsSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r, session := w.connected("box")
		var poll *heldPoll
		for _, end := range []func() error{
			func() (err error) { // a new session
				session, err = w.OpenSession(t.Context(), r, session.Owner)
				return err
			},
			func() error { return w.EndSession(t.Context(), r) },
			func() error { poll.hangUp(); return nil },
			func() error { return w.Remove(t.Context(), r.Scope, r.ID) },
		} {
			poll = w.poll(r, runners.Poll{Session: session.ID})
			w.must(end())
			w.ended(poll)
		}
	})
}

func TestARunnerThatWasKilledMayComeBackSoon(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r, session := w.connected("box")
		poll := w.poll(r, runners.Poll{Session: session.ID})
		_, err := w.OpenSession(t.Context(), r, "box (PID: 2)")
		w.wantKind("second session while the first polls", err, actions.Conflict)
		poll.hangUp()
		w.ended(poll)
		for { // for less than the 100 s that a silent session blocks
			_, err := w.OpenSession(t.Context(), r, "box (PID: 2)")
			if actions.KindOf(err) != actions.Conflict {
				w.must(err)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

func TestPollsAndAcknowledgementsAreOfTheRunnersSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r, _ := w.connected("box")
		_, odd := w.Poll(t.Context(), r, runners.Poll{Session: "x"})
		w.wantKind("no GUID", odd, actions.Malformed)
		_, other := w.Poll(t.Context(), r, runners.Poll{Session: uuid.NewString()})
		w.wantKind("another session", other, actions.Conflict)
		late := w.Acknowledge(t.Context(), r, uuid.NewString(), uuid.NewString())
		w.wantKind("acknowledgement of another session", late, actions.Conflict)
		for _, err := range []error{odd, other, late} {
			if _, ok := errors.AsType[*runners.SessionError](err); !ok {
				t.Errorf("%v does not tell the runner to open a new session", err)
			}
		}
	})
}

func TestARunnerThatSaysItIsBusyIsNotExpectedToComplete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r, session := w.connected("box")
		w.hold(r)
		for _, c := range []struct {
			what string
			busy bool
			want int
		}{{"idle", false, 1}, {"still idle", false, 1}, {"busy", true, 0}} {
			poll := w.poll(r, runners.Poll{Session: session.ID, Busy: c.busy})
			if n := w.Overdue(); n != c.want {
				t.Errorf("%s: %d completions are overdue, want %d", c.what, n, c.want)
			}
			poll.hangUp()
			w.ended(poll)
		}
	})
}

func TestARunnerWithAJobIsBusyAndStays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		idle, busy := w.runner(actions.Scope{}, "idle"), w.runner(actions.Scope{}, "busy")
		job := w.hold(busy)
		w.hold(w.runner(actions.Scope{RepoID: w.repo.ID}, "elsewhere"))
		list, total, err := w.List(t.Context(), actions.Scope{}, "", store.Page{Number: 1, Size: 10})
		w.must(err)
		got := make(map[string]bool)
		for _, l := range list {
			got[l.Name] = l.Busy
		}
		if total != 2 || len(got) != 2 || got["idle"] || !got["busy"] {
			t.Errorf("%d listed, busy: %v; want idle and busy, the second with a job", total, got)
		}
		w.wantKind("removal", w.Remove(t.Context(), actions.Scope{}, busy.ID), actions.Invalid)
		w.wantKind("removal from another scope", w.Remove(t.Context(), actions.Scope{RepoID: w.repo.ID}, idle.ID), actions.NotFound)
		_, err = w.Runner(t.Context(), actions.Scope{RepoID: w.repo.ID}, idle.ID)
		w.wantKind("the runner of another scope", err, actions.NotFound)
		w.must(w.scheduler.Fail(t.Context(), job.ID, "gone"))
		one, err := w.Runner(t.Context(), actions.Scope{}, busy.ID)
		if err != nil || one.Busy {
			t.Errorf("busy %t, %v; want an idle runner", one.Busy, err)
		}
		w.must(w.Remove(t.Context(), actions.Scope{}, busy.ID))
	})
}

func TestTokensAreGoodForOneScopeAndPurpose(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here := actions.Scope{RepoID: w.repo.ID}
		text, _, err := w.CreateToken(t.Context(), here, runners.By{}, false, time.Hour)
		w.must(err)
		if got, err := w.CheckToken(t.Context(), text, false); err != nil || got.Scope != here {
			t.Errorf("token %+v, %v; want one of %+v", got, err, here)
		}
		_, err = w.CheckToken(t.Context(), text, true)
		w.wantKind("to remove what it may add", err, "")
		removal, _, err := w.CreateToken(t.Context(), here, runners.By{}, true, time.Hour)
		w.must(err)
		_, err = w.CheckToken(t.Context(), removal, false)
		w.wantKind("to add with a token to remove", err, actions.NotFound)
		exchanged, err := w.CheckToken(t.Context(), text, false)
		w.must(err)
		admin, err := w.AdminToken(exchanged, false)
		w.must(err)
		unknown, err := w.AdminToken(&actions.RegistrationToken{Hash: []byte{7}, Scope: here}, false)
		w.must(err)
		_, is, err := w.CheckAdminToken(t.Context(), unknown, here, false)
		if w.wantKind("one that the data does not know", err, actions.NotFound); !is {
			t.Error("one that the data does not know is not taken for an admin token")
		}
		for _, c := range []struct {
			what   string
			scope  actions.Scope
			remove bool
			want   actions.Kind
		}{{"as it should be", here, false, ""}, {"elsewhere", actions.Scope{}, false, actions.NotFound}, {"to remove", here, true, ""}} {
			_, is, err := w.CheckAdminToken(t.Context(), admin, c.scope, c.remove)
			if w.wantKind(c.what, err, c.want); !is {
				t.Errorf("%s: not taken for an admin token", c.what)
			}
		}
		w.pass(time.Hour)
		_, err = w.CheckToken(t.Context(), text, false)
		w.wantKind("after an hour", err, actions.NotFound)
		if _, is, err := w.CheckAdminToken(t.Context(), admin, here, false); is || err != nil {
			t.Errorf("admin token after an hour: %t, %v; want one that says nothing", is, err)
		}
	})
}

func TestARunnerForOneJobIsMadeWithItsKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.JIT(t.Context(), &actions.Runner{Name: "box"})
		w.wantKind("without labels", err, actions.Invalid)
		r := &actions.Runner{Name: "box", Labels: []actions.Label{{Name: "linux"}}}
		key, err := w.JIT(t.Context(), r)
		w.must(err)
		if kept, err := w.st.Runner(t.Context(), r.ID); err != nil || !kept.Ephemeral || len(kept.PublicKey) == 0 || key.Validate() != nil {
			t.Errorf("kept %+v, %v; want an ephemeral runner with the key", kept, err)
		}
	})
}

func TestARunnerIsKnownByItsTokenAsItIsNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, remove := range []func(r *actions.Runner) error{
			func(r *actions.Runner) error { return w.Remove(t.Context(), r.Scope, r.ID) },
			func(*actions.Runner) error {
				return w.st.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteRepository(t.Context(), w.repo.ID, w.now()) })
			},
		} {
			r := w.runner(actions.Scope{RepoID: w.repo.ID}, "box")
			text, err := w.keys.SignRunner(token.Runner{ID: r.ID, ClientID: r.ClientID, Expires: w.now().Add(time.Hour)}, w.now())
			w.must(err)
			for _, system := range []string{"", "", "Linux"} { // the second time it is remembered
				if system != r.OS {
					r.OS = system
					w.must(w.st.DescribeRunner(t.Context(), r, w.now()))
				}
				got, err := w.Authenticate(t.Context(), text)
				w.must(err)
				if got.ID != r.ID || got.OS != system {
					t.Errorf("%+v, want runner %d on %q", got, r.ID, system)
				}
			}
			w.must(remove(r))
			if got, err := w.Authenticate(t.Context(), text); actions.KindOf(err) != actions.Gone {
				t.Errorf("%+v, %v, want that it is gone", got, err)
			}
		}
	})
}
