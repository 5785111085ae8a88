package secrets_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// libsodium encrypts a value with libsodium itself, which npm ci puts beside the tests.
func (s *site) libsodium(key, value string) string {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "node", filepath.Join("testdata", "seal.mjs"), key)
	cmd.Stdin, cmd.Stderr = strings.NewReader(value), s.Output()
	out, err := cmd.Output()
	s.Must(err)
	return string(out)
}

func TestBoxesOfLibsodiumOpen(t *testing.T) {
	if _, err := os.Stat(filepath.Join("..", "..", "..", "node_modules", "libsodium-wrappers")); err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skip("no libsodium: npm ci")
	}
	each(t, func(s *site) {
		for _, value := range []string{"marker", "", "zwei Zeilen\nüber 日本", strings.Repeat("x", 48*1024)} {
			for _, holder := range holders {
				public := s.get(holder + "/secrets/public-key")
				body := resttest.Fields{"encrypted_value": s.libsodium(public["key"].(string), value), "key_id": public["key_id"], "visibility": "all"}
				if a := s.Do(http.MethodPut, holder+"/secrets/SEALED", s.owner, body); a.StatusCode != http.StatusCreated && a.StatusCode != http.StatusNoContent {
					s.Fatalf("%s: %d %s", holder, a.StatusCode, a.Text)
				}
			}
			e, err := s.Store.Environment(s.Context(), s.Repo.ID, "production")
			s.Must(err)
			for _, of := range []struct {
				repo        *actions.Repository
				environment int64
			}{{s.open, 0}, {s.Repo, 0}, {s.Repo, e.ID}} {
				list, err := s.Vault.Secrets(s.Context(), of.repo, of.environment)
				s.Must(err)
				if len(list) != 1 || list[0].Value.Reveal() != value {
					s.Errorf("a job of %s gets %d secrets, not %.20q", of.repo.Name, len(list), value)
				}
			}
		}
	})
}
