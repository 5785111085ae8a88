package group_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A server that died between the two would leave the runners to public repositories of
// everybody.
func TestAGroupIsNotOpenedToAllWithoutBeingClosedToPublicRepositories(t *testing.T) {
	url := storetest.URL(t)
	st, ctx := storetest.OpenURL(t, url), t.Context()
	org := &actions.Account{Login: "guild", Type: actions.Organization, CreatedAt: time.Now(), UpdatedAt: time.Now()}
	must(t, st.CreateAccount(ctx, org))
	set := settings.New(st)
	g := group.New(st, set, policy.New(st, set), time.Now, func(context.Context) (string, error) { return "others", nil })
	sc := actions.Scope{OwnerID: org.ID}
	must(t, g.Update(ctx, sc, actions.DefaultGroupID, func(group *actions.RunnerGroup) {
		group.Visibility, group.AllowsPublic = actions.GroupForSelected, true
	}))

	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(ctx, `create trigger full before insert on settings begin select raise(abort, 'the disk is full'); end`)
	must(t, err)
	err = g.Update(ctx, sc, actions.DefaultGroupID, func(group *actions.RunnerGroup) {
		group.Visibility, group.AllowsPublic = actions.GroupForAll, false
	})
	if err == nil {
		t.Error("the group was changed on a full disk")
	}
	got, err := g.Group(ctx, sc, actions.DefaultGroupID)
	must(t, err)
	if got.Visibility != actions.GroupForSelected || !got.AllowsPublic {
		t.Errorf("the group is for %s, public %t: it was changed in part", got.Visibility, got.AllowsPublic)
	}
}

// A thousand groups with a hundred workflows of a kilobyte were 100 MB for each list.
func TestTheGroupsOfAScopeHaveWorkflowsOfBoundedLengthTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		org := &actions.Account{Login: "guild", Type: actions.Organization, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		must(t, st.CreateAccount(ctx, org))
		set := settings.New(st)
		g := group.New(st, set, policy.New(st, set), time.Now, func(context.Context) (string, error) { return "", nil })
		sc := actions.Scope{OwnerID: org.ID}
		var long []string
		for i := range actions.MaxSelectedWorkflows {
			long = append(long, fmt.Sprintf("guild/tools/.github/workflows/%d%s@main", i, strings.Repeat("x", 900)))
		}
		create := func(sc actions.Scope, name string, workflows []string) (int64, error) {
			made := &actions.RunnerGroup{Scope: sc, Name: name, Visibility: actions.GroupForAll, Restricted: true, Workflows: workflows}
			err := g.Create(ctx, made, group.Start{})
			return made.ID, err
		}
		n := 0
		for ; n < 50; n++ {
			if _, err := create(sc, fmt.Sprint("group ", n), long); err != nil {
				if actions.KindOf(err) != actions.Invalid {
					t.Fatal(err)
				}
				break
			}
		}
		if n < 5 || n > 20 {
			t.Errorf("%d groups of a hundred long workflows are accepted", n)
		}
		id, err := create(sc, "short", []string{"guild/tools/.github/workflows/ci.yml@main"})
		must(t, err)
		if err := g.Update(ctx, sc, id, func(group *actions.RunnerGroup) { group.Workflows = long }); actions.KindOf(err) != actions.Invalid {
			t.Errorf("a change to long ones: %v", err)
		}
		_, err = create(actions.Scope{}, "of the enterprise", long)
		must(t, err)
	})
}

func TestAJobDoesNotNameTheGroupsOfOtherOrganizations(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		var orgs []*actions.Account
		for _, login := range []string{"guild", "others"} {
			org := &actions.Account{Login: login, Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
			must(t, st.CreateAccount(ctx, org))
			orgs = append(orgs, org)
		}
		set := settings.New(st)
		g := group.New(st, set, policy.New(st, set), time.Now, func(context.Context) (string, error) { return "", nil })
		secret := &actions.RunnerGroup{Name: "merger", Visibility: actions.GroupForSelected, AllowsPublic: true}
		must(t, g.Create(ctx, secret, group.Start{Organizations: []int64{orgs[1].ID}}))
		must(t, st.CreateRunner(ctx, &actions.Runner{Name: "x", GroupID: secret.ID, Labels: []actions.Label{{Name: "gpu"}}, ClientID: "x", PublicKey: []byte{1}, CreatedAt: now, LastSeenAt: now}))
		for i, want := range []bool{false, true} {
			repo := &actions.Repository{ID: 7, Owner: *orgs[i], Name: "hello"}
			c, err := g.Candidates(ctx, repo, &actions.Run{})
			must(t, err)
			for _, name := range []string{"", "merger", "ent/merger"} {
				job := &actions.Job{Status: actions.Queued, Labels: []string{"gpu"}, Group: name}
				none := job.WaitsFor(actions.Candidates{}, now) // as if there were no such group
				if got := job.WaitsFor(c, now); (got != none) != want {
					t.Errorf("%s, group %q: %s", repo.Owner.Login, name, got)
				}
			}
			if len(c.Runners) == 0 == want {
				t.Errorf("%s: %d runners", repo.Owner.Login, len(c.Runners))
			}
		}
	})
}
