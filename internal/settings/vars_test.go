package settings_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestARunHasTheVariablesOfItsRepositoryAndThoseSharedWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		org := &actions.Account{Login: "acme", Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
		must(st.CreateAccount(ctx, org))
		repository := func(name string, private bool) *actions.Repository {
			r := &actions.Repository{Owner: *org, Name: name, Private: private, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
			must(st.CreateRepository(ctx, r))
			return r
		}
		app, open := repository("app", true), repository("open", false)
		var e actions.Environment
		set := func(h actions.Holder, name, value string, v actions.Visibility) {
			t.Helper()
			must(st.Update(ctx, func(tx *store.Tx) error {
				return tx.CreateVariable(ctx, &actions.Variable{Holder: h, Name: name, Value: value, Visibility: v, CreatedAt: now, UpdatedAt: now})
			}))
		}
		must(st.Update(ctx, func(tx *store.Tx) error {
			e = actions.Environment{RepoID: app.ID, Name: "production", CreatedAt: now, UpdatedAt: now}
			_, err := tx.AddEnvironment(ctx, &e)
			return err
		}))
		s := settings.New(st)
		texts := func(vars *expr.Object, err error) map[string]any {
			t.Helper()
			must(err)
			return maps.Collect(vars.All())
		}
		is := func(what string, got, want map[string]any) {
			t.Helper()
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: %s", what, d)
			}
		}
		is("none", texts(s.Vars(ctx, app)), map[string]any{})
		ofOrg, ofApp := actions.Holder{OrgID: org.ID}, actions.Holder{RepoID: app.ID}
		set(ofOrg, "ALL", "org", actions.VisibleToAll)
		set(ofOrg, "COLOR", "org", actions.VisibleToAll)
		set(ofOrg, "PRIVATE", "org", actions.VisibleToPrivate)
		set(ofOrg, "CHOSEN", "org", actions.VisibleToSelected)
		set(ofApp, "COLOR", "repo", "")
		set(actions.Holder{RepoID: app.ID, EnvironmentID: e.ID}, "COLOR", "environment", "")
		must(st.Update(ctx, func(tx *store.Tx) error {
			return tx.ChangeSelection(ctx, actions.Selection{For: actions.SelectedForVariable, OrgID: org.ID, Name: "CHOSEN"}, actions.SelectionChange{Add: open.ID})
		}))
		is("private", texts(s.Vars(ctx, app)), map[string]any{"ALL": "org", "COLOR": "repo", "PRIVATE": "org"})
		is("public", texts(s.Vars(ctx, open)), map[string]any{"ALL": "org", "COLOR": "org", "CHOSEN": "org"})
		first, err := s.Vars(ctx, app)
		must(err)
		is("environment", texts(s.VarsIn(ctx, first, e.ID)), map[string]any{"ALL": "org", "COLOR": "environment", "PRIVATE": "org"})
		if again, err := s.Vars(ctx, app); again != first || err != nil {
			t.Errorf("asked again: another one, %v", err)
		}
		is("the run's own", texts(first, nil), map[string]any{"ALL": "org", "COLOR": "repo", "PRIVATE": "org"})

		for i := range 6 { // of 48 KB each: five go into the limit of 256 KB
			set(ofApp, fmt.Sprintf("BIG%d", i), strings.Repeat("x", actions.MaxHeldValue), "")
		}
		got := texts(s.Vars(ctx, app))
		if len(got) != 5 || got["BIG4"] == nil || got["BIG5"] != nil {
			t.Errorf("over the limit: %d variables", len(got))
		}
	})
}
