package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/vault"
)

func (w *world) start(keys *secret.Keyring) error {
	return vault.New(w.store, keys, time.Now).Start(w.Context())
}

func TestAKeyIsMadeOnlyWhereTheDatabaseNamesNone(t *testing.T) {
	each(t, func(w *world) {
		named, err := w.store.SecretKeys(w.Context())
		w.must(err)
		if len(named) != 1 {
			t.Fatalf("named: %v", named)
		}
		w.must(w.start(ring(t, w.keys.Path())))
		if ids, err := w.keys.IDs(); len(ids) != 1 || err != nil {
			t.Errorf("started again: %v, %v", ids, err)
		}
		refused := func(when string, keys *secret.Keyring) {
			t.Helper()
			err := w.start(keys)
			if err == nil || !strings.Contains(err.Error(), named[0]) || !strings.Contains(err.Error(), keys.Path()) {
				t.Errorf("%s: %v", when, err)
			}
			if _, err := os.Stat(keys.Path()); when == "without the file" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: a file was made: %v", when, err)
			}
		}
		other := ring(t, filepath.Join(t.TempDir(), secret.File))
		refused("without the file", other)
		w.must(other.Update(func(e *secret.Editor) error { _, err := e.Generate(); return err }))
		refused("with another file", other)
	})
}

func TestServersThatStartTogetherUseOneKey(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.store.Update(w.Context(), func(tx *store.Tx) error { // as before the first start
			named, err := tx.SecretKeys(w.Context())
			if err != nil {
				return err
			}
			_, err = tx.DiscardSecretKey(w.Context(), named[0])
			return err
		}))
		path := filepath.Join(t.TempDir(), secret.File)
		var wg sync.WaitGroup
		for range 8 {
			keys := ring(t, path)
			wg.Go(func() {
				if err := w.start(keys); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		named, err := w.store.SecretKeys(w.Context())
		ids, err2 := ring(t, path).IDs()
		if err := errors.Join(err, err2); err != nil || len(named) != 1 || len(ids) != 1 || named[0] != ids[0] {
			t.Errorf("the database names %v, the file has %v, %v", named, ids, err)
		}
	})
}

func (w *world) rotate(ctx context.Context, keys *secret.Keyring) (string, int, error) {
	return vault.Rotate(ctx, w.store, keys, time.Now)
}

func TestARotationEncryptsAllSecretsAnewAndDropsTheOldKey(t *testing.T) {
	each(t, func(w *world) {
		const secrets = 250 // more than two batches
		old, err := w.store.NewestSecretKey(w.Context())
		w.must(err)
		for i := range secrets {
			w.save(w.ofOrg(), fmt.Sprintf("S%d", i), fmt.Sprintf("value %d", i), actions.VisibleToAll)
		}
		keyID, sealed := w.seal(w.ofOrg(), "late")
		id, n, err := w.rotate(w.Context(), ring(t, w.keys.Path())) // another program
		w.must(err)
		named, err := w.store.SecretKeys(w.Context())
		w.must(err)
		ids, err := w.keys.IDs()
		w.must(err)
		if n != secrets || id == old || len(named) != 1 || named[0] != id || len(ids) != 1 || ids[0] != id {
			t.Errorf("%d secrets by %s; the database names %v, the file has %v", n, id, named, ids)
		}
		if got := w.secrets(w.repo); len(got) != 100 || got[0] != "S0=value 0" {
			t.Errorf("after it: %d, %s", len(got), got[0])
		}
		if _, err := w.vault.SaveSecret(w.Context(), w.ofOrg(), vault.SecretChange{Name: "S1", KeyID: keyID, Box: sealed, Visibility: actions.VisibleToAll}); actions.KindOf(err) != actions.Invalid {
			t.Errorf("a box for the old key: %v", err)
		}
		w.save(w.ofOrg(), "S1", "new", actions.VisibleToAll)
	})
}

// dying ends a rotation at one of its steps, as the end of its process does. Several
// goroutines ask it.
type dying struct {
	context.Context

	left atomic.Int64
}

func (d *dying) Err() error {
	if d.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

func TestARotationThatIsInterruptedLosesNothing(t *testing.T) {
	each(t, func(w *world) {
		for i := range 100 {
			w.save(of(w.repo), fmt.Sprintf("S%d", i), "value", "")
		}
		for i := range 20 {
			w.save(w.ofOrg(), fmt.Sprintf("O%d", i), "value", actions.VisibleToAll)
		}
		for steps := range 12 {
			d := &dying{Context: w.Context()}
			d.left.Store(int64(steps))
			_, _, err := w.rotate(d, ring(t, w.keys.Path()))
			t.Logf("%d steps: %v", steps, err)
			w.must(w.start(ring(t, w.keys.Path())))
			if got := w.secrets(w.repo); len(got) != 120 {
				t.Fatalf("after %d steps a job gets %d", steps, len(got))
			}
			w.save(of(w.repo), "S1", "value", "")
		}
		id, _, err := w.rotate(w.Context(), ring(t, w.keys.Path()))
		w.must(err)
		ids, err := w.keys.IDs()
		if err != nil || len(ids) != 1 || ids[0] != id {
			t.Errorf("in the end the file has %v, %v", ids, err)
		}
	})
}

func TestSecretsThatAreSavedDuringARotationAreKept(t *testing.T) {
	each(t, func(w *world) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 5 {
				if _, _, err := w.rotate(w.Context(), ring(t, w.keys.Path())); err != nil {
					t.Error(err)
				}
			}
		}()
		n := 0
		for running := true; running && n < 90; {
			select {
			case <-done:
				running = false
			default:
			}
			c := vault.SecretChange{Name: fmt.Sprintf("S%d", n)}
			c.KeyID, c.Box = w.seal(of(w.repo), "value")
			if _, err := w.vault.SaveSecret(w.Context(), of(w.repo), c); err == nil {
				n++
			} else if actions.KindOf(err) != actions.Invalid { // the key is another by now
				t.Fatal(err)
			}
		}
		<-done
		if got := w.secrets(w.repo); len(got) != n || n == 0 {
			t.Errorf("%d of %d are there", len(got), n)
		}
		named, err := w.store.SecretKeys(w.Context())
		ids, err2 := w.keys.IDs()
		if err := errors.Join(err, err2); err != nil || len(named) != 1 || len(ids) != 1 {
			t.Errorf("the database names %v, the file has %v, %v", named, ids, err)
		}
	})
}

func TestALostKeyIsDiscardedWithItsSecretsOnly(t *testing.T) {
	each(t, func(w *world) {
		old, err := w.store.NewestSecretKey(w.Context())
		w.must(err)
		if _, err := vault.Discard(w.Context(), w.store, w.keys, old); actions.KindOf(err) != actions.Conflict {
			t.Errorf("a key that is there: %v", err)
		}
		w.save(of(w.repo), "LOST", "x", "")
		w.must(os.Remove(w.keys.Path()))
		keys := ring(t, w.keys.Path())
		if n, err := vault.Discard(w.Context(), w.store, keys, old); n != 1 || err != nil {
			t.Errorf("discarded %d, %v", n, err)
		}
		if _, err := vault.Discard(w.Context(), w.store, keys, old); actions.KindOf(err) != actions.NotFound {
			t.Errorf("again: %v", err)
		}
		w.must(w.start(keys))
		w.save(of(w.repo), "NEW", "y", "")
		w.gets(w.repo, "NEW=y")
	})
}
