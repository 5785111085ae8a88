package rest_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestThingsAreNamedByTheirNumbersToo(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Pushed()
		for byNumber, byName := range map[string]string{
			fmt.Sprint("/repositories/", s.Repo.ID):                                     s.Path(),
			fmt.Sprint("/repositories/", s.Repo.ID, "/actions/runs?per_page=1"):         s.Path("actions/runs?per_page=1"),
			fmt.Sprint("/repositories/", s.Repo.ID, "/commits/heads%2Fmain"):            s.Path("commits/heads%2Fmain"),
			fmt.Sprint("/repositories/", s.Repo.ID, "/contents/.github/workflows/none"): s.Path("contents/.github/workflows/none"),
			fmt.Sprint("/user/", s.Alice.ID):                                            "/users/alice",
		} {
			got, want := s.Get(byNumber), s.Get(byName)
			if got.StatusCode != want.StatusCode || string(got.Text) != string(want.Text) {
				s.Errorf("%s: %d %s\nwant as %s: %d %s", byNumber, got.StatusCode, got.Text, byName, want.StatusCode, want.Text)
			}
		}
	})
}

func TestOrganizationsAreNamedByTheirNumbersToo(t *testing.T) {
	s := resttest.New(t)
	octo := s.Organization("octo", s.Alice)
	got := s.Want(s.Get(fmt.Sprint("/organizations/", octo.ID)), http.StatusOK).JSON(t)
	if got["login"] != "octo" {
		t.Errorf("organization %d is %v", octo.ID, got["login"])
	}
	for _, path := range []string{
		fmt.Sprint("/organizations/", s.Alice.ID), fmt.Sprint("/user/", octo.ID), "/organizations/0", "/organizations/99999", "/user/99999", "/user/7/repos",
	} {
		s.Refused(s.Get(path), http.StatusNotFound, "Not Found")
	}
}

// Threat: who may not see a repository learns from a number whether it is there.
func TestNumbersTellNothingOfWhatMayNotBeSeen(t *testing.T) {
	s := resttest.New(t)
	bob := s.Token(s.User("bob"), "repo")
	for _, below := range []string{"", "/actions/runs", "/none"} {
		hidden := s.Do(http.MethodGet, fmt.Sprint("/repositories/", s.Repo.ID, below), bob, nil)
		none := s.Do(http.MethodGet, fmt.Sprint("/repositories/", s.Repo.ID+1000, below), bob, nil)
		if hidden.StatusCode != http.StatusNotFound || none.StatusCode != http.StatusNotFound || string(hidden.Text) != string(none.Text) {
			t.Errorf("%q: %d %s\nand of none %d %s", below, hidden.StatusCode, hidden.Text, none.StatusCode, none.Text)
		}
	}
}

func TestOperationsBelowARefAreNoPartOfIt(t *testing.T) {
	s := resttest.New(t)
	sha := s.Push(s.Repo, "feature/one", map[string]string{"a": "b"})
	for _, ref := range []string{sha, "feature/one", "feature%2Fone", "heads/feature/one", "refs/heads/feature/one"} {
		got := s.Want(s.Get(s.Path("commits/"+ref+"/check-runs")), http.StatusOK).JSON(t)
		if got["total_count"] != 0.0 {
			t.Errorf("%s: %v", ref, got)
		}
		if got := s.Want(s.Get(s.Path("commits/"+ref+"/status")), http.StatusOK).JSON(t)["sha"]; got != sha {
			t.Errorf("%s: the status of %v", ref, got)
		}
		if got := s.Want(s.Get(s.Path("commits/"+ref)), http.StatusOK).JSON(t)["sha"]; got != sha {
			t.Errorf("%s is %v, want %s", ref, got, sha)
		}
	}
	for _, below := range []string{"comments", "pulls", "branches-where-head"} {
		for _, ref := range []string{sha, "feature/one"} {
			a := s.Get(s.Path("commits/" + ref + "/" + below))
			s.Refused(a, http.StatusNotFound, "Not Found")
			if a.Header.Get("X-Understudy-Not-Served") == "" {
				t.Errorf("%s of %s is not said to be not served", below, ref)
			}
		}
	}
}

func TestARefThatEndsLikeAnOperationIsFoundWithItsSlashesEscaped(t *testing.T) {
	s := resttest.New(t)
	sha := s.Push(s.Repo, "feature/status", map[string]string{"a": "b"})
	if got := s.Want(s.Get(s.Path("commits/feature%2Fstatus")), http.StatusOK).JSON(t)["sha"]; got != sha {
		t.Errorf("got %v, want %s", got, sha)
	}
}

// ServeMux would send them to a page outside of the API.
func TestPathsAboveOnesWithARestAreNotRedirected(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	for _, path := range []string{"branches", "commits", "contents", "git/ref"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := s.Do(method, s.Path(path), s.AliceToken, nil)
			if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusOK || a.Header.Get("Location") != "" {
				t.Errorf("%s %s: %d to %q", method, path, a.StatusCode, a.Header.Get("Location"))
			}
		}
	}
}
