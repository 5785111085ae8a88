package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

// A server with the pushes of 300 branches to make runs of needed 4 minutes to start.
func TestAServerIsReadyBesideThousandsOfPushesThatWaitForTheirRuns(t *testing.T) {
	s := servertest.New(t)
	busy, quiet := s.Repository(s.User("mona"), "busy", false), s.Repository(s.Admin, "quiet", false)
	const workflow = "on: push\njobs: {a: {runs-on: x, steps: [{run: exit 0}]}}\n"
	files := map[string]string{".github/workflows/ci.yml": workflow}
	sha := s.Push(busy, "main", s.AdminToken, files)
	const waiting = 3000
	s.Must(s.Store.Update(t.Context(), func(tx *store.Tx) error {
		for range waiting {
			p := &actions.Push{RepoID: busy.ID, ActorID: busy.Owner.ID, CreatedAt: s.Now()}
			if err := tx.CreatePush(t.Context(), p); err != nil {
				return err
			}
			moved := []actions.RefUpdate{{Ref: "refs/heads/main", Before: strings.Repeat("0", 40), After: sha}}
			if err := tx.SettlePush(t.Context(), p.ID, moved); err != nil {
				return err
			}
		}
		return nil
	}))
	s.Serve()
	s.Want(s.Do(http.MethodGet, "/readyz", "", nil), http.StatusOK)
	s.Push(quiet, "main", s.AdminToken, files)
	runs := s.Want(s.Do(http.MethodGet, servertest.API+"/repos/"+quiet.FullName()+"/actions/runs", s.AdminToken, nil), http.StatusOK).JSON(t)
	if runs["total_count"] != 1.0 {
		t.Errorf("a push to another repository is answered with %v runs", runs["total_count"])
	}
	if left, err := s.Store.CountPushes(t.Context(), busy.ID); err != nil || left == 0 {
		t.Errorf("%d intents are left (%v): the server was ready only when all runs were there", left, err)
	}
}
