package rest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A cost is what a GET costs, and how long its answer is.
type cost struct{ statements, bytes int }

// costs asks for each route that reads, once the caches of the server are warm.
func (w *clientWorld) costs() map[string]cost {
	w.s.Helper()
	costs := make(map[string]cost)
	for _, rt := range w.s.Server.Routes() {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		path, ok := w.fill(pattern)
		if method != http.MethodGet || !ok || strings.HasSuffix(pattern, "/audit-log") {
			continue // the log of what happens grows with what this test does
		}
		if path += "?per_page=100"; strings.HasSuffix(pattern, "/search/repositories") {
			path += "&q=hello"
		}
		w.s.Do(method, path, w.token, nil)
		before := w.s.Tally.Statements()
		a := w.s.Do(method, path, w.token, nil)
		if a.StatusCode < http.StatusBadRequest {
			costs[rt.Pattern] = cost{int(w.s.Tally.Statements() - before), len(a.Text)}
		}
	}
	return costs
}

// fillUp adds many of each kind of thing that is listed.
func (w *clientWorld) fillUp(many int) {
	w.s.Helper()
	s, repo, org := w.s, w.repo, w.repo.Owner
	run, err := s.Store.Run(s.Context(), w.values["runID"].(int64))
	s.Must(err)
	for i := range many {
		name := fmt.Sprintf("one%d", i)
		wf := s.AddWorkflow(repo, ".github/workflows/"+name+".yml")
		s.AddJob(s.AddRun(wf, nil), nil)
		s.AddJob(run, nil)
		s.Upload(s.AddJob(run, resttest.Running), name, "", s.Archive("README.md", "# Hello"))
		s.SaveCache(s.AddJob(run, resttest.Running), "refs/heads/main", name, "x")
		user := s.User(name)
		s.Must(s.Store.SetMember(s.Context(), org.ID, user.ID, false))
		s.Must(s.Store.SetCollaborator(s.Context(), repo.ID, user.ID, actions.Write))
		s.Repository(&org, name, true)
		ask(s, repo, user)
		said(s, repo, w.values["pullNumber"].(int64), user)
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			d := &actions.Deployment{RepoID: repo.ID, Payload: []byte("{}"), Creator: *user, CreatedAt: s.Now(), UpdatedAt: s.Now()}
			err := tx.CreateDeployment(s.Context(), d)
			if d.ID = w.values["deploymentID"].(int64); err == nil {
				err = tx.CreateDeploymentStatus(s.Context(), d, &actions.DeploymentStatus{State: actions.DeploymentSuccess, Creator: *user, CreatedAt: s.Now()})
			}
			return err
		}))
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			r := &actions.Release{RepoID: repo.ID, TagName: name, Author: *user, CreatedAt: s.Now(), PublishedAt: s.Now(), UpdatedAt: s.Now()}
			err := tx.CreateRelease(s.Context(), r)
			for of, id := range map[string]int64{"x": r.ID, name: w.values["releaseID"].(int64)} {
				if err == nil {
					err = tx.CreateReleaseAsset(s.Context(), &actions.ReleaseAsset{RepoID: repo.ID, ReleaseID: id, Name: of, ContentType: "text/plain", Uploader: *user, CreatedAt: s.Now()})
				}
			}
			return err
		}))
		s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error {
			_, err := tx.AddEnvironment(s.Context(), &actions.Environment{RepoID: repo.ID, Name: name, CreatedAt: s.Now(), UpdatedAt: s.Now()})
			return err
		}))
		for _, sc := range []actions.Scope{{RepoID: repo.ID}, {OwnerID: org.ID}, {}} {
			r := &actions.Runner{Scope: sc, Name: name, ClientID: fmt.Sprint(name, sc), PublicKey: []byte("key"), CreatedAt: s.Now(), Labels: []actions.Label{{Name: name}}}
			s.Must(s.Store.Update(s.Context(), func(tx *store.Tx) error { return tx.CreateRunner(s.Context(), r) }))
		}
		for _, h := range []actions.Holder{{RepoID: repo.ID}, {OrgID: org.ID}} {
			s.Secret(h, name, "value")
			s.Variable(h, name, "value")
		}
	}
}

// However many things there are, a request runs as many statements as with few, and one
// more where a list that is longer than its page is counted: none asks for each of its
// elements. And none runs many.
func TestARequestRunsFewStatementsHoweverManyThingsThereAre(t *testing.T) {
	const most = 12
	s := resttest.New(t)
	w := newClientWorld(s)
	w.enterpriseSelects()
	few := w.costs()
	w.fillUp(30)
	grown := 0
	for pattern, with := range w.costs() {
		without, ok := few[pattern]
		if !ok {
			continue
		}
		if with.bytes > 2*without.bytes {
			grown++
		}
		if with.statements > without.statements+1 || with.statements > most {
			t.Errorf("%s runs %d statements, and ran %d with few things", pattern, with.statements, without.statements)
		}
	}
	t.Logf("of %d routes, %d have grown", len(few), grown)
	if grown < 20 {
		t.Error("those are too few")
	}
}
