package group_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/group"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/settings"
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
