package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
)

// started starts a server once, and returns what New says of it.
func started(t *testing.T, c Config) error {
	t.Helper()
	s, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		return err
	}
	return s.Close()
}

func TestAServerWithoutTheKeyOfItsDatabaseDoesNotStart(t *testing.T) {
	c := testConfig(t)
	if err := started(t, c); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.Data, secret.File)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	id := strings.Fields(strings.Split(string(good), "\n")[1])[0]
	refused := func(what string, want ...string) {
		t.Helper()
		err := started(t, c)
		for _, w := range append(want, path, "--secret-key-file") {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: no %q in %v", what, w, err)
			}
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	refused("readable by others", "0644")
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	refused("lost", id)
	if _, err := os.Stat(path); err == nil {
		t.Error("another was made in its place")
	}
	other := testConfig(t)
	if err := started(t, other); err != nil {
		t.Fatal(err)
	}
	replacement, err := os.ReadFile(filepath.Join(other.Data, secret.File))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, replacement, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("replaced", id)

	elsewhere := filepath.Join(t.TempDir(), "keys") // as a key file that is mounted to be read
	if err := os.WriteFile(elsewhere, good, 0o400); err != nil {
		t.Fatal(err)
	}
	c.SecretKeys = elsewhere
	if err := started(t, c); err != nil {
		t.Errorf("named by the flag: %v", err)
	}
}

func TestTheOperatorRotatesTheKeysOfOIDCTokens(t *testing.T) {
	c := testConfig(t)
	if err := started(t, c); err != nil {
		t.Fatal(err)
	}
	err := WithAdmin(t.Context(), c.Data, "", testDeps(t), func(a *Admin) error {
		first, err := a.RotateOIDCKey(t.Context(), "", false)
		if err != nil {
			return err
		}
		second, err := a.RotateOIDCKey(t.Context(), "", false)
		if err != nil {
			return err
		}
		both, err := a.OIDCKeys(t.Context())
		if err != nil || len(both) != 2 || both[0].ID != first || both[1].ID != second {
			t.Errorf("%v, %v, want %s and %s", both, err, first, second)
		}
		third, err := a.RotateOIDCKey(t.Context(), "", true)
		if err != nil {
			return err
		}
		left, err := a.OIDCKeys(t.Context())
		if err != nil || len(left) != 1 || left[0].ID != third {
			t.Errorf("%v, %v, want %s alone", left, err, third)
		}
		log, err := a.store.AuditEntries(t.Context(), store.AuditFilter{}, 5)
		if err != nil || len(log) != 5 || log[4].Action != actions.AuditSigningKeyCreate || log[4].Data["key_id"] != first || log[0].Action != actions.AuditSigningKeyDestroy {
			t.Errorf("the audit log has %+v, %v", log, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheOperatorRotatesAndMovesTheKeysOfSecrets(t *testing.T) {
	c := testConfig(t)
	if err := started(t, c); err != nil {
		t.Fatal(err)
	}
	err := WithAdmin(t.Context(), c.Data, "", testDeps(t), func(a *Admin) error {
		var before, after bytes.Buffer
		if err := a.ExportKeys("", &before); err != nil {
			return err
		}
		id, secrets, err := a.RotateKey(t.Context(), "")
		if err != nil {
			return err
		}
		if err := a.ExportKeys("", &after); err != nil {
			return err
		}
		if secrets != 0 || id == "" || strings.Contains(before.String(), id) || !strings.Contains(after.String(), id) {
			t.Errorf("%d secrets by %q", secrets, id)
		}
		added, err := a.ImportKeys("", &before) // what an old backup needs
		if err != nil || len(added) != 1 {
			t.Errorf("added %v, %v", added, err)
		}
		if _, err := a.DiscardKey(t.Context(), "", id); err == nil {
			t.Error("a key that is there was discarded")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := started(t, c); err != nil {
		t.Error(err)
	}
}
