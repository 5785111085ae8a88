package meta_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestRootNamesEveryURLAndTheTokensScopes(t *testing.T) {
	s := resttest.New(t)
	for version, gone := range map[string]bool{"2022-11-28": false, "2026-03-10": true} {
		a := s.Want(s.Get("/", "X-GitHub-Api-Version: "+version), http.StatusOK)
		if got, want := a.Header.Get("X-OAuth-Scopes"), "repo, workflow"; got != want {
			t.Errorf("scopes %q, want %q", got, want)
		}
		if got := a.Header.Get("X-GitHub-Api-Version-Selected"); got != version {
			t.Errorf("selected version %q, want %q", got, version)
		}
		root := a.JSON(t)
		if got, want := root["current_user_url"], s.URL+"/api/v3/user"; got != want {
			t.Errorf("current_user_url %q, want %q", got, want)
		}
		if _, ok := root["hub_url"]; ok == gone {
			t.Errorf("%s: hub_url there: %t", version, ok)
		}
	}
}

func TestMetaAndVersions(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Get("/meta"), http.StatusOK)
	if got, want := string(s.Want(s.Get("/versions"), http.StatusOK).Text), `["2026-03-10","2022-11-28"]`; got != want {
		t.Errorf("versions %s, want %s", got, want)
	}
}

func TestMetaNamesTheServerThatAVersionBeginsWith(t *testing.T) {
	s := resttest.New(t)
	for version, want := range map[string]string{"2022-11-28": "3.19.0", "2026-03-10": "3.21.0"} {
		if got := s.Want(s.Get("/meta", "X-GitHub-Api-Version: "+version), http.StatusOK).JSON(t)["installed_version"]; got != want {
			t.Errorf("%s: %v, want %s", version, got, want)
		}
	}
}
