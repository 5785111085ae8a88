package secret_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/nacl/box"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
)

func TestAValueIsPrintedNowhere(t *testing.T) {
	const marker = "hunter-two"
	v := secret.New(marker)
	hidden := struct{ v secret.Value }{v}
	shown := struct{ V secret.Value }{v}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
		slog.New(h).Info("secret", "value", v, "hidden", hidden, "shown", shown, "list", []secret.Value{v})
	}
	text, err := json.Marshal(map[string]any{"value": v, "shown": shown, "pointer": &v})
	all := log.String() + string(text) + fmt.Sprint(v, &v, hidden, shown, &shown, []any{v}, map[string]secret.Value{"a": v})
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb+verb+verb, v, hidden, shown)
	}
	all += fmt.Errorf("bad: %v", v).Error()
	if err != nil || strings.Contains(all, marker) || strings.Contains(all, fmt.Sprintf("%x", marker)) {
		t.Errorf("the value is shown (%v): %s", err, all)
	}
	if v.Reveal() != marker || v.Len() != len(marker) || (secret.Value{}).Reveal() != "" {
		t.Errorf("revealed as %q", v.Reveal())
	}
}

// newRing is a keyring with a key.
func newRing(t *testing.T) (*secret.Keyring, string) {
	t.Helper()
	k := open(t, filepath.Join(t.TempDir(), secret.File))
	return k, generate(t, k)
}

func open(t *testing.T, path string) *secret.Keyring {
	t.Helper()
	k, err := secret.Open(path, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func generate(t *testing.T, k *secret.Keyring) (id string) {
	t.Helper()
	err := k.Update(func(e *secret.Editor) (err error) {
		id, err = e.Generate()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var repository = secret.Place{Kind: "repository", ID: 7}

func TestAValueOpensInItsOwnRowOnly(t *testing.T) {
	k, id := newRing(t)
	row := secret.Identity{Place: repository, Name: "TOKEN"}
	for _, value := range []string{"", "a", strings.Repeat("x", 48<<10), "line\nline", "\x00\xff"} {
		sealed, err := k.Seal(id, row, secret.New(value))
		if err != nil {
			t.Fatal(err)
		}
		if len(value) > 1 && bytes.Contains(sealed, []byte(value)) {
			t.Errorf("%.20q is not encrypted", value)
		}
		if got, err := k.Open(id, row, sealed); err != nil || got.Reveal() != value {
			t.Errorf("%.20q: got %.20q, %v", value, got.Reveal(), err)
		}
		for name, other := range map[string]secret.Identity{
			"another name":        {Place: repository, Name: "TOKEN2"},
			"another repository":  {Place: secret.Place{Kind: "repository", ID: 8}, Name: "TOKEN"},
			"an organization":     {Place: secret.Place{Kind: "organization", ID: 7}, Name: "TOKEN"},
			"parts put otherwise": {Place: secret.Place{Kind: "repository", ID: 7}, Name: ""},
		} {
			if got, err := k.Open(id, other, sealed); err == nil {
				t.Errorf("%.20q opens in the row of %s: %.20q", value, name, got.Reveal())
			}
		}
		for i := range min(len(sealed), 64) {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1
			if _, err := k.Open(id, row, changed); err == nil {
				t.Errorf("%.20q opens with byte %d changed", value, i)
			}
			if _, err := k.Open(id, row, sealed[:i]); err == nil {
				t.Errorf("%.20q opens cut to %d bytes", value, i)
			}
		}
	}
}

func TestEachPlaceAndMasterKeyHasItsOwnPublicKey(t *testing.T) {
	k, first := newRing(t)
	second := generate(t, k)
	seen := map[string]string{}
	for _, id := range []string{first, second} {
		for _, p := range []secret.Place{repository, {Kind: "repository", ID: 77}, {Kind: "environment", ID: 7}, {Kind: "organization", ID: 7}} {
			public, err := k.PublicKey(id, p)
			if err != nil {
				t.Fatal(err)
			}
			again, err := k.PublicKey(id, p)
			if err != nil || again.ID != public.ID || !bytes.Equal(again.Key, public.Key) {
				t.Errorf("%v: another key when it is asked for again, %v", p, err)
			}
			if len(public.Key) != 32 || len(public.ID) < 18 || strings.Trim(public.ID, "0123456789") != "" {
				t.Errorf("%v: %q with %d bytes", p, public.ID, len(public.Key))
			}
			for _, part := range []string{public.ID, string(public.Key)} {
				if other, ok := seen[part]; ok {
					t.Errorf("%v of %s has what %s has", p, id, other)
				}
				seen[part] = fmt.Sprint(p, id)
			}
		}
	}
}

func TestASealedBoxOpensForItsKeyOnly(t *testing.T) {
	k, first := newRing(t)
	public, err := k.PublicKey(first, repository)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := box.SealAnonymous(nil, []byte("value"), (*[32]byte)(public.Key), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := k.OpenBox(first, repository, public.ID, sealed); err != nil || v.Reveal() != "value" {
		t.Errorf("got %q, %v", v.Reveal(), err)
	}
	second := generate(t, k)
	elsewhere, err := k.PublicKey(first, secret.Place{Kind: "repository", ID: 8})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, keyID string, p secret.Place, publicID string, sealed []byte) {
		t.Helper()
		if v, err := k.OpenBox(keyID, p, publicID, sealed); actions.KindOf(err) != actions.Invalid || strings.Contains(err.Error(), "value of") {
			t.Errorf("%s: %q, %v", name, v.Reveal(), err)
		}
	}
	refused("the id of an old key", second, repository, public.ID, sealed)
	refused("the id of another repository", first, repository, elsewhere.ID, sealed)
	refused("a box for another repository", first, secret.Place{Kind: "repository", ID: 8}, elsewhere.ID, sealed)
	refused("no id", first, repository, "", sealed)
	refused("not a box", first, repository, public.ID, []byte(strings.Repeat("x", 100)))
	for i := range sealed {
		refused("a cut box", first, repository, public.ID, sealed[:i])
	}
}

func TestAKeyFileThatOthersCanReadIsRefused(t *testing.T) {
	k, _ := newRing(t)
	info, err := os.Stat(k.Path())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("made with the mode %v, %v", info.Mode(), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.Chmod(k.Path(), mode); err != nil {
			t.Fatal(err)
		}
		_, err := secret.Open(k.Path(), rand.Reader)
		if err == nil || !strings.Contains(err.Error(), k.Path()) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	if err := os.Chmod(k.Path(), 0o400); err != nil {
		t.Fatal(err)
	}
	open(t, k.Path())
}

func TestAKeyFileThatIsNotOneIsRefusedWithoutShowingIt(t *testing.T) {
	k, id := newRing(t)
	good, err := os.ReadFile(k.Path())
	if err != nil {
		t.Fatal(err)
	}
	key := strings.Fields(strings.Split(string(good), "\n")[1])[1]
	for name, content := range map[string]string{
		"a short key":        id + " " + key[:40] + "\n",
		"no hex":             id + " " + strings.Repeat("zz", 32) + "\n",
		"the id of another":  "0011223344556677 " + key + "\n",
		"no id":              key + "\n",
		"something else":     "-----BEGIN PRIVATE KEY-----\n",
		"more than it reads": strings.Repeat(id+" "+key+"\n", 2000),
	} {
		if err := os.WriteFile(k.Path(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := secret.Open(k.Path(), rand.Reader)
		if err == nil || !strings.Contains(err.Error(), k.Path()) || strings.Contains(err.Error(), key[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAKeyThatIsNotThereIsNamedWithWhatToDo(t *testing.T) {
	k, id := newRing(t)
	if err := k.Check([]string{id}); err != nil {
		t.Error(err)
	}
	if err := os.Remove(k.Path()); err != nil {
		t.Fatal(err)
	}
	again := open(t, k.Path())
	for _, other := range []*secret.Keyring{again, func() *secret.Keyring { generate(t, again); return again }()} { // lost, and replaced
		err := other.Check([]string{id})
		if err == nil || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), k.Path()) || !strings.Contains(err.Error(), "--secret-key-file") {
			t.Errorf("got %v", err)
		}
		if _, err := other.Seal(id, secret.Identity{}, secret.New("x")); err == nil {
			t.Error("sealed with a key that is not there")
		}
	}
}

func TestAKeyThatAnotherProgramAddsIsFound(t *testing.T) {
	k, _ := newRing(t)
	added := generate(t, open(t, k.Path()))
	if _, err := k.Seal(added, secret.Identity{Place: repository}, secret.New("x")); err != nil {
		t.Error(err)
	}
}

func TestProgramsThatChangeTheFileTogetherLoseNoKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), secret.File)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var made []string
	for range 8 {
		k := open(t, path)
		wg.Go(func() {
			id := generate(t, k)
			mu.Lock()
			defer mu.Unlock()
			made = append(made, id)
		})
	}
	wg.Wait()
	if err := open(t, path).Check(made); err != nil || len(made) != 8 {
		t.Errorf("%d keys, %v", len(made), err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 2 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestKeysGoFromOneFileToAnother(t *testing.T) {
	a, first := newRing(t)
	second := generate(t, a)
	var exported bytes.Buffer
	if err := a.Export(&exported); err != nil {
		t.Fatal(err)
	}
	b, own := newRing(t)
	for _, want := range []int{2, 0} { // again, none is new
		err := b.Update(func(e *secret.Editor) error {
			added, err := e.Import(bytes.NewReader(exported.Bytes()))
			if len(added) != want {
				t.Errorf("added %v, want %d", added, want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Check([]string{own, first, second}); err != nil {
		t.Error(err)
	}
	err := b.Update(func(e *secret.Editor) error {
		_, err := e.Import(strings.NewReader("nothing of use\n"))
		return err
	})
	if actions.KindOf(err) != actions.Invalid {
		t.Errorf("got %v", err)
	}
	if err := b.Update(func(e *secret.Editor) error { return e.Keep([]string{second}) }); err != nil {
		t.Fatal(err)
	}
	if ids, err := b.IDs(); err != nil || len(ids) != 1 || ids[0] != second {
		t.Errorf("kept %v, %v", ids, err)
	}
}

// A link leads several servers to one file.
func TestTheFileBehindALinkIsTheOneThatChanges(t *testing.T) {
	k, first := newRing(t)
	link := filepath.Join(t.TempDir(), secret.File)
	if err := os.Symlink(k.Path(), link); err != nil {
		t.Fatal(err)
	}
	second := generate(t, open(t, link))
	if err := k.Check([]string{first, second}); err != nil {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("no randomness") }

func TestWithoutRandomnessThereIsNoKey(t *testing.T) {
	k, err := secret.Open(filepath.Join(t.TempDir(), secret.File), failing{})
	if err != nil {
		t.Fatal(err)
	}
	err = k.Update(func(e *secret.Editor) error {
		_, err := e.Generate()
		return err
	})
	if err == nil {
		t.Error("a key was made")
	}
	if _, err := os.Stat(k.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}
