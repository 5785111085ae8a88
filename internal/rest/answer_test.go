package rest

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A polled is an API with one operation that programs poll: it answers the
// description of a repository.
type polled struct {
	*API
	t     *testing.T
	op    *endpoint
	repo  *actions.Repository
	made  int    // answers that the handler made
	large []byte // what it adds to an answer
}

func newPolled(t *testing.T, st *store.Store) *polled {
	t.Helper()
	p := &polled{t: t}
	owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := st.CreateAccount(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	p.repo = &actions.Repository{Owner: *owner, Name: "hello", Description: "old", DefaultBranch: "main", CreatedAt: time.Now(), UpdatedAt: time.Now()}
	if err := st.CreateRepository(t.Context(), p.repo); err != nil {
		t.Fatal(err)
	}
	route := Route{
		Pattern: "GET /repos/{owner}/{repo}/polled", Need: auth.Need{On: auth.Repo, Role: actions.Read}, Polled: true,
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			p.made++
			_, err := w.Write(append([]byte(CallOf(r).Repo.Description), p.large...))
			return err
		},
	}
	api, err := New(Config{Store: st, Auth: auth.New(st, time.Now), Log: slog.New(slog.DiscardHandler), Now: time.Now}, []Route{route})
	if err != nil {
		t.Fatal(err)
	}
	p.API, p.op = api, newEndpoint(route)
	return p
}

func (p *polled) request() *http.Request {
	r := httptest.NewRequestWithContext(p.t.Context(), http.MethodGet, "/repos/octo/hello/polled", nil)
	r.SetPathValue("owner", "octo")
	r.SetPathValue("repo", "hello")
	return r
}

func (p *polled) get() string {
	p.t.Helper()
	w := httptest.NewRecorder()
	p.ServeHTTP(w, p.request())
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		p.t.Fatalf("%d %s, %v", w.Code, body, err)
	}
	return string(body)
}

func (p *polled) describe(st *store.Store, text string) {
	p.t.Helper()
	err := st.Update(p.t.Context(), func(tx *store.Tx) error {
		changed := *p.repo
		changed.Description = text
		return tx.UpdateRepository(p.t.Context(), &changed)
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func TestAnAnswerIsMadeOnceUntilTheDataChanges(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		st := storetest.OpenURL(t, url)
		p := newPolled(t, st)
		for range 3 {
			p.get()
		}
		if p.made != 1 {
			t.Errorf("made %d times, want once", p.made)
		}
		p.describe(st, "new")
		if got := p.get(); got != "new" || p.made != 2 {
			t.Errorf("got %q, made %d times, want the new one, made once more", got, p.made)
		}
		err := st.Update(t.Context(), func(tx *store.Tx) error {
			return tx.SaveSetting(t.Context(), store.Setting{Scope: actions.Scope{OwnerID: p.repo.Owner.ID}, Key: "key", Value: "1"})
		})
		if err != nil {
			t.Fatal(err)
		}
		if p.get(); p.made != 3 {
			t.Errorf("made %d times after its owner has set something, want once more", p.made)
		}
		if err := st.SetCollaborator(t.Context(), p.repo.ID, p.repo.Owner.ID, actions.Write); err != nil {
			t.Fatal(err)
		}
		if p.get(); p.made != 4 {
			t.Errorf("made %d times after a change of accounts or what they may, want once more", p.made)
		}
	})
}

func TestAnotherServersChangeMakesAnAnswerOld(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		st := storetest.OpenURL(t, url)
		p, other := newPolled(t, st), storetest.OpenURL(t, url)
		if url[:6] == "sqlite" {
			storetest.Listen(t, st)
		}
		p.get()
		p.describe(other, "new")
		for end := time.Now().Add(20 * time.Second); p.get() != "new"; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the old answer is given after 20 s")
			}
		}
	})
}

// Seen with PATCH requests beside lists: the repository of a request was found
// before the change, and what was made of it was remembered for after the change.
func TestNothingOldIsRememberedWhenTheDataChangesMeanwhile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		p := newPolled(t, st)
		r, w := p.request(), httptest.NewRecorder()
		call, err := p.begin(w, r, p.op)
		if err != nil {
			t.Fatal(err)
		}
		p.describe(st, "new")
		if err := p.remembered(w, r, p.op, call); err != nil {
			t.Fatal(err)
		}
		if got := p.get(); got != "new" {
			t.Errorf("after the change: got %q, want the new one", got)
		}
	})
}

// The notices of one change of another server come in any order, and a request
// may come in between.
func TestNothingOldIsRememberedBetweenTwoNotices(t *testing.T) {
	url := storetest.URL(t)
	st, other := storetest.OpenURL(t, url), storetest.OpenURL(t, url) // which nobody hears
	p := newPolled(t, st)
	topics := []store.Topic{store.RepoTopic(p.repo.ID), store.RecordTopic(p.repo.ID)}
	for _, want := range []string{"one", "two"} {
		p.get()
		p.describe(other, want)
		for _, topic := range topics {
			st.Publish(topic)
			p.get()
		}
		if got := p.get(); got != want {
			t.Errorf("after both notices: got %q, want %q", got, want)
		}
		slices.Reverse(topics)
	}
}

func TestAnAnswerThatIsTooLargeIsNotRemembered(t *testing.T) {
	p := newPolled(t, storetest.Open(t))
	p.large = make([]byte, maxOne)
	p.get()
	p.get()
	if p.made != 2 {
		t.Errorf("made %d times, want each time", p.made)
	}
}
