package rest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/rest/runs"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// BenchmarkReads compares the two reads that programs repeat with a bare
// handler that writes the same bytes, over a real connection.
func BenchmarkReads(b *testing.B) {
	st := storetest.Open(b)
	au := auth.New(st, time.Now)
	api := newAPI(b, st, au)
	token, runID := thousandRuns(b, st, au)
	for name, path := range map[string]string{
		"list": "/repos/alice/hello/actions/runs",
		"get":  "/repos/alice/hello/actions/runs/" + strconv.FormatInt(runID, 10),
	} {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, newRequest(b, "http://ci.test"+path, token))
		body := w.Body.Bytes()
		bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			_, _ = w.Write(body)
		})
		b.Run(name+"/api", func(b *testing.B) { load(b, api, path, token) })
		b.Run(name+"/bare", func(b *testing.B) { load(b, bare, path, token) })
		b.Run(name+"/unremembered", func(b *testing.B) {
			load(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.RawQuery = "x=" + uuid.NewString()
				api.ServeHTTP(w, r)
			}), path, token)
		})
	}
}

func newAPI(b *testing.B, st *store.Store, au *auth.Auth) *rest.API {
	b.Helper()
	api, err := rest.New(rest.Config{Store: st, Auth: au, Now: time.Now}, runs.Routes(runs.Config{Store: st}))
	if err != nil {
		b.Fatal(err)
	}
	return api
}

func newRequest(b *testing.B, url, token string) *http.Request {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func load(b *testing.B, h http.Handler, path, token string) {
	b.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	client := server.Client()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			res, err := client.Do(newRequest(b, server.URL+path, token))
			if err != nil {
				b.Error(err)
				return
			}
			n, err := io.Copy(io.Discard, res.Body)
			if err != nil || n < 1000 || res.StatusCode != http.StatusOK {
				b.Errorf("%d, %d bytes, %v", res.StatusCode, n, err)
			}
			_ = res.Body.Close()
		}
	})
}

func thousandRuns(b *testing.B, st *store.Store, au *auth.Auth) (token string, runID int64) {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now()
	alice := &actions.Account{Login: "alice", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	must(st.CreateAccount(b.Context(), alice))
	repo := &actions.Repository{Owner: *alice, Name: "hello", Private: true, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	must(st.CreateRepository(b.Context(), repo))
	wf := &actions.Workflow{RepoID: repo.ID, Path: ".github/workflows/ci.yml", Name: "ci", State: actions.Active, CreatedAt: now, UpdatedAt: now}
	must(st.Update(b.Context(), func(tx *store.Tx) error {
		if err := tx.SaveWorkflow(b.Context(), wf); err != nil {
			return err
		}
		for range 1000 {
			run := &actions.Run{
				RepoID: repo.ID, WorkflowID: wf.ID, Name: "ci", Title: "a commit", Path: wf.Path, Event: "push", Ref: "refs/heads/main", HeadBranch: "main",
				HeadSHA: "c0ffee", Actor: *alice, Triggering: *alice, Attempt: 1, Status: actions.Completed, Conclusion: actions.Success,
				CreatedAt: now, StartedAt: now, UpdatedAt: now,
			}
			at := &actions.Attempt{Number: 1, PlanID: uuid.NewString(), Triggering: *alice, Status: actions.Completed, StartedAt: now}
			if err := tx.CreateRun(b.Context(), run, at, &actions.RunSource{}); err != nil {
				return err
			}
			runID = run.ID
		}
		return nil
	}))
	token, err := au.Create(b.Context(), &actions.Token{AccountID: alice.ID, Kind: actions.Classic, Scopes: []string{"repo"}})
	must(err)
	return token, runID
}

// A sink is an http.ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkRemembered is what the handler itself costs, without a connection.
func BenchmarkRemembered(b *testing.B) {
	st := storetest.Open(b)
	au := auth.New(st, time.Now)
	api := newAPI(b, st, au)
	token, runID := thousandRuns(b, st, au)
	r := newRequest(b, "http://ci.test/repos/alice/hello/actions/runs/"+strconv.FormatInt(runID, 10), token)
	b.ReportAllocs()
	for b.Loop() {
		api.ServeHTTP(&sink{make(http.Header)}, r)
	}
}
