package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/vault"
)

func (w *world) gets(r *actions.Repository, want ...string) {
	w.Helper()
	got := w.secrets(r)
	slices.Sort(got)
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		w.Errorf("secrets of %s: %s", r.Name, d)
	}
}

func TestAJobGetsTheSecretsOfItsRepositoryAndThoseSharedWithIt(t *testing.T) {
	each(t, func(w *world) {
		w.save(w.ofOrg(), "EVERYWHERE", "org", actions.VisibleToAll)
		w.save(w.ofOrg(), "PRIVATE", "org", actions.VisibleToPrivate)
		w.save(w.ofOrg(), "CHOSEN", "org", actions.VisibleToSelected, w.public.ID)
		w.save(w.ofOrg(), "NOBODY", "org", actions.VisibleToSelected)
		w.save(w.ofOrg(), "token", "org", actions.VisibleToAll)
		w.save(of(w.repo), "Token", "repo", "")
		w.save(of(w.public), "OWN", "public", "")
		w.gets(w.repo, "EVERYWHERE=org", "PRIVATE=org", "TOKEN=repo")
		w.gets(w.public, "CHOSEN=org", "EVERYWHERE=org", "OWN=public", "TOKEN=org")

		w.save(w.ofOrg(), "CHOSEN", "new", actions.VisibleToPrivate) // its selection is forgotten
		w.save(w.ofOrg(), "CHOSEN", "new", actions.VisibleToSelected)
		w.gets(w.public, "EVERYWHERE=org", "OWN=public", "TOKEN=org")
		w.must(w.vault.DeleteSecret(w.Context(), of(w.repo), "TOKEN"))
		w.gets(w.repo, "EVERYWHERE=org", "PRIVATE=org", "TOKEN=org")
		elsewhere := w.repository("other", true)
		elsewhere.Owner = *w.account("others", actions.Organization)
		w.gets(elsewhere)
	})
}

func TestOfAnOrganizationsSecretsAJobGetsTheFirstHundredByName(t *testing.T) {
	each(t, func(w *world) {
		for i := range 101 {
			w.save(w.ofOrg(), fmt.Sprintf("S%03d", 100-i), "x", actions.VisibleToAll)
		}
		got := w.secrets(w.repo)
		slices.Sort(got)
		if len(got) != 100 || got[0] != "S000=x" || got[99] != "S099=x" {
			t.Errorf("got %d, from %s to %s", len(got), got[0], got[len(got)-1])
		}
	})
}

func TestACiphertextThatWasMovedIsGivenToNobody(t *testing.T) {
	each(t, func(w *world) {
		w.save(of(w.repo), "STOLEN", "marker", "")
		w.save(of(w.public), "MINE", "own", "")
		w.save(of(w.public), "STOLEN", "own", "")
		for _, name := range []string{"MINE", "STOLEN"} {
			w.must(w.store.Update(w.Context(), func(tx *store.Tx) error { // who can write the database
				stolen, err := tx.Secret(w.Context(), of(w.repo), "STOLEN")
				if err != nil {
					return err
				}
				to, err := tx.Secret(w.Context(), of(w.public), name)
				if err != nil {
					return err
				}
				return tx.ResealSecret(w.Context(), to, stolen.KeyID, stolen.Sealed)
			}))
			list, err := w.vault.Secrets(w.Context(), w.public, 0)
			if len(list) != 0 || actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "moved from another row") || strings.Contains(err.Error(), "marker") {
				t.Errorf("%s: %v, %v", name, list, err)
			}
			w.save(of(w.public), name, "own", "")
			w.gets(w.public, "MINE=own", "STOLEN=own")
		}
	})
}

func TestASecretIsRefusedThatCannotBe(t *testing.T) {
	each(t, func(w *world) {
		h := of(w.repo)
		keyID, good := w.seal(h, "value")
		foreignID, foreign := w.seal(of(w.public), "value")
		_, large := w.seal(h, strings.Repeat("x", actions.MaxHeldValue+1))
		_, binary := w.seal(h, "\xff\xfe")
		for name, c := range map[string]vault.SecretChange{
			"a reserved name":     {Name: "github_token", KeyID: keyID, Box: good},
			"a digit first":       {Name: "1A", KeyID: keyID, Box: good},
			"a hyphen":            {Name: "A-B", KeyID: keyID, Box: good},
			"no name":             {Name: "", KeyID: keyID, Box: good},
			"a long name":         {Name: strings.Repeat("A", 300), KeyID: keyID, Box: good},
			"letters of others":   {Name: "Ä", KeyID: keyID, Box: good},
			"a foreign box":       {Name: "A", KeyID: keyID, Box: foreign},
			"a foreign key":       {Name: "A", KeyID: foreignID, Box: foreign},
			"no box":              {Name: "A", KeyID: keyID},
			"an empty box":        {Name: "A", KeyID: keyID, Box: []byte{}},
			"a box without key":   {Name: "A", Box: good},
			"a truncated box":     {Name: "A", KeyID: keyID, Box: good[:len(good)-1]},
			"more than 48 KB":     {Name: "A", KeyID: keyID, Box: large},
			"what is not text":    {Name: "A", KeyID: keyID, Box: binary},
			"a box of 48 KB less": {Name: "A B", KeyID: keyID, Box: good},
		} {
			if _, err := w.vault.SaveSecret(w.Context(), h, c); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.gets(w.repo)
		most := strings.Repeat("x", actions.MaxHeldValue)
		w.save(h, "_a1", most, "")
		w.save(h, "EMPTY", "", "")
		w.gets(w.repo, "EMPTY=", "_A1="+most)
	})
}

func TestAHolderCanHaveSoManySecrets(t *testing.T) {
	each(t, func(w *world) {
		h := of(w.repo)
		for i := range 100 {
			w.save(h, fmt.Sprintf("S%d", i), "x", "")
		}
		c := vault.SecretChange{Name: "ONE_MORE"}
		c.KeyID, c.Box = w.seal(h, "x")
		if _, err := w.vault.SaveSecret(w.Context(), h, c); actions.KindOf(err) != actions.Invalid {
			t.Errorf("one more: %v", err)
		}
		w.save(h, "S7", "new", "") // one that is there
	})
}

func TestTheRepositoriesOfASecretAreSelectedWhereItIsForSelectedOnes(t *testing.T) {
	each(t, func(w *world) {
		w.save(w.ofOrg(), "A", "x", actions.VisibleToAll)
		sel := actions.Selection{For: actions.SelectedForSecret, OrgID: w.org.ID, Name: "A"}
		add := actions.SelectionChange{Add: w.repo.ID}
		if err := w.vault.SelectForSecret(w.Context(), sel, add); actions.KindOf(err) != actions.Conflict {
			t.Errorf("for all: %v", err)
		}
		w.save(w.ofOrg(), "A", "x", actions.VisibleToSelected)
		w.gets(w.repo)
		w.must(w.vault.SelectForSecret(w.Context(), sel, add))
		w.gets(w.repo, "A=x")
		c := vault.SecretChange{Name: "A", Visibility: actions.VisibleToSelected} // without a value: only who has it
		if created, err := w.vault.SaveSecret(w.Context(), w.ofOrg(), c); err != nil || created {
			t.Errorf("without a value: %t, %v", created, err)
		}
		w.gets(w.repo, "A=x")
		w.must(w.vault.DeleteSecret(w.Context(), w.ofOrg(), "A"))
		w.save(w.ofOrg(), "A", "x", actions.VisibleToSelected)
		w.gets(w.repo) // it was selected for another secret of that name
	})
}

func TestSecretsGoWithTheirRepository(t *testing.T) {
	each(t, func(w *world) {
		w.save(of(w.repo), "A", "x", "")
		w.save(of(w.public), "A", "x", "")
		w.must(w.store.Update(w.Context(), func(tx *store.Tx) error { return tx.DeleteRepository(w.Context(), w.repo.ID, w.repo.CreatedAt) }))
		if list, total, err := w.store.Secrets(w.Context(), of(w.repo), store.Page{Number: 1, Size: 10}); len(list) != 0 || total != 0 || err != nil {
			t.Errorf("left: %v, %d, %v", list, total, err)
		}
		w.gets(w.public, "A=x")
	})
}
