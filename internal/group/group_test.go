package group_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestAGroupAllowsPublicRepositoriesAsItIsSetAndElseByTheRule(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, others, asked := t.Context(), "", 0
		org := &actions.Account{Login: "guild", Type: actions.Organization, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		must(t, st.CreateAccount(ctx, org))
		set := settings.New(st)
		g := group.New(st, set, policy.New(st, set), time.Now, func(context.Context) (string, error) { asked++; return others, nil })
		site, guild, repo := actions.Scope{}, actions.Scope{OwnerID: org.ID}, actions.Scope{RepoID: 7}
		want := func(when string, inSite, inGuild bool) {
			t.Helper()
			for sc, want := range map[actions.Scope]bool{site: inSite, guild: inGuild, repo: true} {
				if got, err := g.AllowsPublic(ctx, sc); err != nil || got != want {
					t.Errorf("%s: %+v: %t, %v, want %t", when, sc, got, err, want)
				}
			}
		}
		want("the operator alone", true, true)
		want("once more", true, true)
		if asked != 1 {
			t.Errorf("the rule was asked %d times", asked)
		}
		others = "mona has an account, too"
		st.Publish(store.AccessTopic())
		want("somebody else", false, false)
		must(t, setPublic(ctx, g, guild, true))
		want("the organization allows it", false, true)
		must(t, setPublic(ctx, g, site, true))
		must(t, setPublic(ctx, g, guild, false))
		want("the site does, the organization not", true, false)
		others = ""
		st.Publish(store.AccessTopic())
		must(t, setPublic(ctx, g, site, false))
		want("forbidden where nobody else is", false, false)
		must(t, set.Update(ctx, settings.Enterprise(), settings.Unset(settings.PublicRepositories)))
		want("taken back", true, false)
	})
}

func TestWhatTheRuleCannotSayIsNotAllowed(t *testing.T) {
	st := storetest.Open(t)
	g := group.New(st, settings.New(st), policy.New(st, nil), time.Now, func(context.Context) (string, error) { return "", errors.New("no database") })
	if ok, err := g.AllowsPublic(t.Context(), actions.Scope{}); ok || err == nil {
		t.Errorf("%t, %v", ok, err)
	}
}

func TestRunnersAreSortedByWhetherTheyMayWorkForARepository(t *testing.T) {
	st := storetest.Open(t)
	ctx, now := t.Context(), time.Now()
	owner := &actions.Account{Login: "octo", Type: actions.User, CreatedAt: now, UpdatedAt: now}
	must(t, st.CreateAccount(ctx, owner))
	repo := &actions.Repository{Owner: *owner, Name: "hello", DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	must(t, st.CreateRepository(ctx, repo))
	for name, sc := range map[string]actions.Scope{"site": {}, "owner": {OwnerID: owner.ID}, "own": {RepoID: repo.ID}, "another's": {RepoID: repo.ID + 1}} {
		must(t, st.CreateRunner(ctx, &actions.Runner{Name: name, Scope: sc, ClientID: name, PublicKey: []byte{1}, CreatedAt: now}))
	}
	sorted := func(c actions.Candidates) (may, refused []string) {
		for _, r := range c.Runners {
			if r.Access.Admits(&c.Work) {
				may = append(may, r.Name)
			} else {
				refused = append(refused, r.Name)
			}
		}
		slices.Sort(may)
		slices.Sort(refused)
		return may, refused
	}
	for _, c := range []struct {
		private      bool
		others       string
		may, refused []string
	}{
		{false, "others", []string{"own"}, []string{"owner", "site"}},
		{false, "", []string{"own", "owner", "site"}, nil},
		{true, "others", []string{"own", "owner", "site"}, nil},
	} {
		repo.Private = c.private
		g := group.New(st, settings.New(st), policy.New(st, nil), time.Now, func(context.Context) (string, error) { return c.others, nil })
		got, err := g.Candidates(ctx, repo, &actions.Run{})
		may, refused := sorted(got)
		if err != nil || !slices.Equal(may, c.may) || !slices.Equal(refused, c.refused) {
			t.Errorf("private %t, others %q: %q may, %q may not, %v; want %q and %q", c.private, c.others, may, refused, err, c.may, c.refused)
		}
	}
}

// setPublic changes the default group as an admin does.
func setPublic(ctx context.Context, g *group.Groups, sc actions.Scope, public bool) error {
	return g.Update(ctx, sc, actions.DefaultGroupID, func(group *actions.RunnerGroup) { group.AllowsPublic = public })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
