package rest_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// Programs behind a proxy have let everybody sign in by a header that the proxy was
// meant to set.
func TestNoHeaderSaysWhoCalls(t *testing.T) {
	s := resttest.New(t)
	for _, name := range []string{"X-Webauth-User", "X-Forwarded-User", "X-Remote-User", "Remote-User", "X-Auth-Request-User", "X-Authenticated-User", "X-Original-User", "Sudo"} {
		s.Refused(s.Do(http.MethodGet, "/user", "", nil, name+": alice"), http.StatusUnauthorized, "Requires authentication")
	}
}

// A commit says of itself who made it. Who pushed it is who signed in.
func TestTheActorIsWhoPushedWhateverTheCommitSays(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, run := s.Pushed() // commits of Mona
		if run.Actor.Login != "alice" {
			s.Errorf("the run is of %s, want alice", run.Actor.Login)
		}
		a := s.Want(s.Get(s.Path("actions/runs", run.ID)), http.StatusOK).JSON(s)
		for _, field := range []string{"actor", "triggering_actor"} {
			if who, _ := a[field].(map[string]any); who["login"] != "alice" {
				s.Errorf("%s is %v, want alice", field, who)
			}
		}
	})
}

// Whoever gets hold of the data directory or a backup finds no token in it that they
// could use.
func TestTokensAreNotWrittenDown(t *testing.T) {
	s := resttest.New(t)
	s.Pushed()
	secrets := map[string]string{"a personal token": s.AliceToken, "a site admin's token": s.AdminToken, "a job's token": s.JobToken(s.Repo, map[string]string{"contents": "read"})}
	for _, kind := range []string{"registration-token", "remove-token"} {
		a := s.Want(s.Do(http.MethodPost, s.Path("actions/runners", kind), s.AliceToken, nil), http.StatusCreated).JSON(s)
		secrets["a "+kind], _ = a["token"].(string)
	}
	s.Want(s.Get("/user"), http.StatusOK) // which notes that the token was used
	read := 0
	for _, dir := range []string{s.Data, filepath.Dir(strings.TrimPrefix(s.Database, "sqlite:"))} {
		s.Must(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			text, err := os.ReadFile(path)
			read++
			for name, secret := range secrets {
				if secret == "" || bytes.Contains(text, []byte(secret)) {
					t.Errorf("%s is in %s", name, path)
				}
			}
			return err
		}))
	}
	if read < 3 {
		t.Errorf("only %d files were read", read)
	}
}
