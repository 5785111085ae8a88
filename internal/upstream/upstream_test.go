package upstream_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/upstream"
)

func TestAnActionIsFetchedOnceAndKept(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, nil)
		tree := w.host.Add("octo/hello")
		tree.Commit("zero", "old.txt", "gone")
		first := tree.Commit("one", "action.yml", "name: hello", "old.txt", "new", "dir/x.sh", "echo")
		tree.Git("tag", "-a", "v1", "-m", "one")
		tree.Git("push", "-q", "origin", "main", "v1")

		f := w.found("octo/hello@v1", first)
		want := map[string]string{"action.yml": "name: hello", "old.txt": "new", "dir/x.sh": "echo"}
		if diff := cmp.Diff(want, files(t, w.Upstream, f.Action)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if f.Action.Origin != actions.Fetched || f.Action.Host != w.host.URL || f.AskedAt.IsZero() || f.Stale != nil {
			t.Errorf("found %+v", f)
		}
		w.host.Requests()
		w.found("Octo/HELLO@v1", first)
		w.found("octo/hello@"+first, first)
		if got := w.host.Requests(); len(got) > 0 {
			t.Errorf("asked again for what is known: %v", got)
		}
		w.found("octo/hello@main", first) // another name of what is here
		if got := w.host.Requests(); len(got) != 2 {
			t.Errorf("asked for %v, want the name only", got)
		}

		second := tree.Commit("two", "action.yml", "name: two")
		tree.Git("push", "-q", "origin", "main")
		w.found("octo/hello@main", first) // still fresh
		w.pass(2 * time.Minute)
		w.found("octo/hello@main", second)
		w.found("octo/hello@refs/heads/main", second)

		tree.Git("tag", "-f", "v1")
		tree.Git("push", "-q", "-f", "origin", "v1")
		w.pass(2 * time.Minute)
		w.found("octo/hello@v1", second) // a tag that was moved
		w.found("octo/hello@"+first, first)

		w.host.Close()
		w.pass(2 * time.Minute)
		f = w.found("octo/hello@v1", second)
		if f.Stale == nil || w.clock().Sub(f.AskedAt) < time.Minute {
			t.Errorf("the host is gone, and nothing says so: %+v", f)
		}
		u := w.off()
		f, err := u.Resolve(t.Context(), upstream.Ask{Name: "octo/hello", Ref: "main"})
		w.must(err)
		if f.Action.SHA != second || f.Stale == nil {
			t.Errorf("without an upstream: %+v", f)
		}
		if _, err := u.Resolve(t.Context(), upstream.Ask{Name: "octo/hello", Ref: "v3"}); actions.KindOf(err) != actions.NotFound {
			t.Errorf("what is not kept, without an upstream: %v", err)
		}
	})
}

func TestWhatIsNotThereIsAskedForOnceAMinute(t *testing.T) {
	w := newWorld(t, storetest.Open(t), nil)
	tree := w.host.Add("octo/hello")
	tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	for range 2 {
		w.missing("octo/hello@v9", actions.NotFound, "unable to find version `v9`")
		w.missing("octo/none@v1", actions.NotFound, "repository not found")
	}
	w.missing("octo/none@v2", actions.NotFound, "repository not found") // of the same
	if got := w.host.Requests(); len(got) != 3 {
		t.Errorf("asked for %v, want the two of them once", got)
	}
	for _, use := range []string{
		"octo@v1", "@", "octo/../x@v1", "../../etc@main", "octo/hello\x00@v1", "-x/y@v1", "octo/hello@", "octo/hello@--help", "octo/hello@main:x", "octo/hello@v1^{}",
		"octo/hello@a..b", "octo/hello@refs/pull/1/head", "octo/hello@v1\n", "octo/a b@v1", "octo/hello@" + strings.Repeat("x", 9000), "octo/hello@HEAD",
	} {
		w.missing(use, actions.NotFound, "")
	}
	if got := w.host.Requests(); len(got) > 0 {
		t.Errorf("asked for what nothing can be called: %v", got)
	}
	tree.Git("tag", "v9")
	tree.Git("push", "-q", "origin", "v9")
	w.pass(2 * time.Minute)
	w.found("octo/hello@v9", tree.Git("rev-parse", "HEAD"))
}

func TestNobodyElseIsAskedForWhatBelongsToAnOwnerHere(t *testing.T) {
	each(t, func(t *testing.T, st *store.Store) {
		w := newWorld(t, st, nil)
		for _, owner := range []string{"acme", "gone"} {
			tree := w.host.Add(owner + "/deploy")
			tree.Commit("somebody else's")
			tree.Git("push", "-q", "origin", "main")
			a := &actions.Account{Login: strings.ToUpper(owner), Type: actions.User, CreatedAt: w.clock(), UpdatedAt: w.clock()}
			w.must(st.CreateAccount(t.Context(), a))
			if owner == "gone" {
				w.must(st.DeleteAccount(t.Context(), a.ID, w.clock()))
			}
			w.missing(owner+"/deploy@main", actions.NotFound, "repository not found")
			w.missing(owner+"/deploy@"+tree.Git("rev-parse", "HEAD"), actions.NotFound, "repository not found")
		}
		if got := w.host.Requests(); len(got) > 0 {
			t.Errorf("asked for %v", got)
		}
	})
}

// A host may hand out commits of forks, which share its storage, and those that a push
// by force has left behind.
func TestACommitMustBeReachableFromABranchOrTag(t *testing.T) {
	w := newWorld(t, storetest.Open(t), nil)
	tree := w.host.Add("octo/hello")
	first := tree.Commit("one", "action.yml", "one")
	middle := tree.Commit("two", "action.yml", "two")
	tree.Commit("three", "action.yml", "three")
	tree.Git("push", "-q", "origin", "main")
	tree.Git("checkout", "-q", "-b", "evil", first)
	foreign := tree.Commit("evil", "action.yml", "evil")
	tree.Git("push", "-q", "origin", "evil:refs/pull/1/head")

	w.found("octo/hello@"+middle, middle) // not at the end of a branch
	w.found("octo/hello@"+first, first)
	w.missing("octo/hello@"+foreign, actions.NotFound, "unable to find version")
	w.missing("octo/hello@"+strings.Repeat("0", 39)+"1", actions.NotFound, "unable to find version")
	w.missing("octo/hello@"+tree.Git("rev-parse", "main^{tree}"), actions.NotFound, "unable to find version")
	tree.Git("push", "-q", "origin", "evil")
	w.pass(2 * time.Minute)
	w.found("octo/hello@"+foreign, foreign) // now it is theirs
}

func TestThoseWhoWantTheSameWaitForOneFetch(t *testing.T) {
	w := newWorld(t, storetest.Open(t), nil)
	tree := w.host.Add("octo/hello")
	sha := tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if f, err := w.resolve("octo/hello@main"); err != nil || f.Action.SHA != sha {
				t.Errorf("%+v, %v", f, err)
			}
		})
	}
	all.Wait()
	if got := w.host.Requests(); len(got) != 4 && len(got) != 5 { // names, and the commit: two questions each; older gits ask once more
		t.Errorf("%d requests: %v", len(got), got)
	}
}

func TestASlowRepositoryKeepsNobodyElseWaiting(t *testing.T) {
	w := newWorld(t, storetest.Open(t), nil)
	slow := newSlow(t)
	c := w.c
	c.Hosts = append(slices.Clone(c.Hosts), w.listed(slow.URL))
	u := upstream.New(c)
	t.Cleanup(u.Close)
	tree := w.host.Add("octo/hello")
	tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	ask := func(name string) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := u.Resolve(t.Context(), upstream.Ask{Name: name, Ref: "main", RepoID: 1})
			done <- err
		}()
		return done
	}
	waits := []chan error{ask("slow/one"), ask("slow/two"), ask("slow/three")} // more than one repository may have
	for range 2 {
		<-slow.asked
	}
	if _, err := u.Resolve(t.Context(), upstream.Ask{Name: "octo/hello", Ref: "main", RepoID: 2}); err != nil {
		t.Errorf("a job of another repository: %v", err)
	}
	close(slow.release)
	for _, done := range waits {
		if err := <-done; actions.KindOf(err) == "" {
			t.Error("what answers nonsense was found")
		}
	}
}

// A slow host answers when it is released, and then nonsense.
type slow struct {
	URL     string
	asked   chan struct{}
	release chan struct{}
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	s := &slow{asked: make(chan struct{}, 10), release: make(chan struct{})}
	h := serve(t, func(w http.ResponseWriter, r *http.Request) {
		s.asked <- struct{}{}
		select {
		case <-s.release:
		case <-r.Context().Done():
		}
		http.Error(w, "nonsense", http.StatusTeapot)
	})
	s.URL = h.URL
	return s
}
