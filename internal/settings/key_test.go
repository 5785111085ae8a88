package settings

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// Keys of any type can be set, and those without an order have no ceiling.
func TestAKeyWithoutAnOrderIsReplacedBelow(t *testing.T) {
	type policy struct {
		Allowed  string
		Patterns []string
	}
	key := Key[policy]{name: "policy", standard: policy{Allowed: "all"}}
	s := New(storetest.Open(t))
	org := Org(&actions.Account{ID: 7})
	want := func(p policy) {
		t.Helper()
		got, err := Get(t.Context(), s, org, key)
		if d := cmp.Diff(p, got); err != nil || d != "" {
			t.Error(err, d)
		}
	}
	set := func(sc Scope, c Change) {
		t.Helper()
		if err := s.Update(t.Context(), sc, c); err != nil {
			t.Fatal(err)
		}
	}
	want(policy{Allowed: "all"})
	set(Enterprise(), Set(key, policy{Allowed: "local_only"}))
	want(policy{Allowed: "local_only"})
	set(org, Set(key, policy{"selected", []string{"octo/*"}}))
	want(policy{"selected", []string{"octo/*"}})
	repo := &actions.Repository{Owner: actions.Account{ID: 7}, ID: 8}
	if got, err := Get(t.Context(), s, Repo(repo), key); err != nil || got.Allowed != "selected" {
		t.Errorf("a repository of the organization: %+v, %v", got, err)
	}
	set(org, Unset(key))
	want(policy{Allowed: "local_only"})
}

func TestAStoredValueOfAnotherTypeIsAnError(t *testing.T) {
	st := storetest.Open(t)
	err := st.Update(t.Context(), func(tx *store.Tx) error {
		return tx.SaveSetting(t.Context(), store.Setting{Key: RetentionDays.name, Value: `"many"`})
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Get(t.Context(), New(st), Enterprise(), RetentionDays); err == nil {
		t.Error("no error for days that are no number")
	}
}
