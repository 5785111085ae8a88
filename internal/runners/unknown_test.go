package runners_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
)

// signed is a good token of a runner that has, or had, a number.
func (w *world) signed(id int64, clientID string) string {
	w.t.Helper()
	text, err := w.keys.SignRunner(token.Runner{ID: id, ClientID: clientID, Expires: w.now().Add(time.Hour)}, w.now())
	w.must(err)
	return text
}

// Older data was put back: the runner that was registered next got the number of one
// that the data did not know, which was shown online in its place, and ran the job of
// another organization.
func TestARunnerIsNotTakenForTheOneThatHasItsNumberNow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.runner(actions.Scope{}, "box")
		if got, err := w.Authenticate(t.Context(), w.signed(r.ID, r.ClientID)); err != nil || got.ID != r.ID {
			t.Errorf("%+v, %v, want the runner", got, err)
		}
		for range 2 { // by then it is remembered
			got, err := w.Authenticate(t.Context(), w.signed(r.ID, uuid.NewString()))
			w.wantKind("who had the number before", err, actions.Unauthorized)
			if got != nil {
				t.Errorf("it is taken for %+v", got)
			}
		}
		_, err := w.Authenticate(t.Context(), w.signed(r.ID+1, uuid.NewString()))
		w.wantKind("a number that nobody has", err, actions.Unauthorized)
	})
}

func TestTheLogNamesARunnerThatIsNotKnownOnceAMinute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ask := func(id int64, client string) {
			t.Helper()
			_, err := w.Authenticate(t.Context(), w.signed(id, client))
			w.wantKind("a runner that is not known", err, actions.Unauthorized)
		}
		first, second := uuid.NewString(), uuid.NewString()
		for range 3 {
			ask(71, first)
		}
		lines := w.log.lines("does not know")
		if len(lines) != 1 || !strings.Contains(lines[0], "runner=71 client="+first) {
			t.Fatalf("%d lines: %s", len(lines), lines)
		}
		w.pass(time.Minute)
		ask(72, second)
		lines = w.log.lines("does not know")
		if len(lines) != 2 || !strings.Contains(lines[1], "client="+second+" calls=3") {
			t.Errorf("%d lines: %s", len(lines), lines)
		}
	})
}

// A runner that was deleted is told to delete its configuration, whoever deleted it.
func TestARunnerThatWasDeletedIsToldSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, scope := t.Context(), actions.Scope{RepoID: w.repo.ID}
		for name, remove := range map[string]func(r *actions.Runner) error{
			"by-hand": func(r *actions.Runner) error { return w.Remove(ctx, scope, r.ID) },
			"by-another-of-its-name": func(r *actions.Runner) error {
				key, err := oneKey()
				w.must(err)
				return w.Register(ctx, &actions.Runner{Scope: scope, Name: r.Name, Labels: r.Labels}, &key.PublicKey, true)
			},
		} {
			r := w.runner(scope, name)
			w.must(remove(r))
			_, err := w.Authenticate(ctx, w.signed(r.ID, r.ClientID))
			w.wantKind(name, err, actions.Gone)
		}
		r := w.runner(scope, "box")
		w.must(w.st.Update(ctx, func(tx *store.Tx) error { return tx.DeleteRepository(ctx, w.repo.ID, w.now()) }))
		_, err := w.Authenticate(ctx, w.signed(r.ID, r.ClientID))
		w.wantKind("with its repository", err, actions.Gone)
		if lines := w.log.lines("does not know"); len(lines) != 0 {
			t.Errorf("the log has %s", lines)
		}
	})
}

func TestARunnerForOneJobIsToldThatItIsOver(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := &actions.Runner{Name: "once", Labels: []actions.Label{{Name: "linux"}}}
		_, err := w.JIT(t.Context(), r)
		w.must(err)
		job := w.hold(r)
		w.must(w.scheduler.Complete(t.Context(), job, &scheduler.Result{Conclusion: actions.Success}))
		_, err = w.Authenticate(t.Context(), w.signed(r.ID, r.ClientID))
		w.wantKind("after its job", err, actions.Gone)
	})
}
