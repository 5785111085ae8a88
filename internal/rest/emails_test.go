package rest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
	"github.com/understudy-ci/understudy/internal/store"
)

// Threat: whoever can read a public repository collects addresses.
func TestAnAddressIsForThePersonAndSiteAdmins(t *testing.T) {
	s := resttest.New(t)
	mona := s.Account(&actions.Account{Login: "mona", Type: actions.User, Email: "mona@example.com"})
	admin := s.Account(&actions.Account{Login: "boss", Type: actions.User, SiteAdmin: true})
	for who, c := range map[string]struct {
		token string
		want  any
	}{
		"nobody":       {"", nil},
		"another":      {s.AliceToken, nil},
		"a job":        {s.JobToken(s.Repo, map[string]string{"contents": "read"}), nil},
		"the person":   {s.Token(mona), "mona@example.com"},
		"a site admin": {s.Token(admin), "mona@example.com"},
	} {
		if got := s.Want(s.Do(http.MethodGet, "/users/mona", c.token, nil), http.StatusOK).JSON(s)["email"]; got != c.want {
			t.Errorf("%s reads the address %v, want %v", who, got, c.want)
		}
	}
	if got := s.Want(s.Do(http.MethodGet, "/user", s.Token(mona), nil), http.StatusOK).JSON(s)["email"]; got != "mona@example.com" {
		t.Errorf("of themselves: %v", got)
	}
}

func TestPayloadsHaveAddressesThatGoNowhere(t *testing.T) {
	s := resttest.New(t)
	mona := s.Account(&actions.Account{Login: "mona", Type: actions.User, Email: "mona@example.com"})
	repo := s.Repository(mona, "public", false)
	s.Site.Push(repo, "main", s.Token(mona, "repo", "workflow"), map[string]string{".github/workflows/hello.yml": resttest.HelloWorkflow})
	runs, _, err := s.Store.Runs(s.Context(), store.RunFilter{RepoID: repo.ID}, store.Page{Number: 1, Size: 10})
	s.Must(err)
	if len(runs) != 1 {
		t.Fatalf("%d runs, want 1", len(runs))
	}
	source, err := s.Store.RunSource(t.Context(), runs[0].ID)
	s.Must(err)
	var payload struct {
		Pusher     struct{ Email string }
		Repository struct{ Owner struct{ Email string } }
	}
	s.Must(json.Unmarshal(source.Payload, &payload))
	want := fmt.Sprintf("%d+mona@users.noreply.127.0.0.1", mona.ID)
	if payload.Pusher.Email != want || payload.Repository.Owner.Email != want {
		t.Errorf("%+v, want %s", payload, want)
	}
}
