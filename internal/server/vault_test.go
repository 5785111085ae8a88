package server

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/secret"
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
