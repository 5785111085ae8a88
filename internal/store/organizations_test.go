package store_test

import (
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestOthersSeeOnlyTheOrganizationsThatTheyShare(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		account := func(login string, kind actions.AccountType) *actions.Account {
			t.Helper()
			a := &actions.Account{Login: login, Type: kind}
			must(st.CreateAccount(ctx, a))
			return a
		}
		mona, hubot := account("mona", actions.User), account("hubot", actions.User)
		for _, name := range []string{"b", "A", "c"} {
			must(st.SetMember(ctx, account(name, actions.Organization).ID, mona.ID, name == "b"))
		}
		b, err := st.AccountByLogin(ctx, "b")
		must(err)
		must(st.SetMember(ctx, b.ID, hubot.ID, false))
		for _, c := range []struct {
			of, viewer *actions.Account
			page       store.Page
			want       string
			total      int
		}{
			{mona, mona, store.Page{Number: 1, Size: 2}, "A b ", 3},
			{mona, mona, store.Page{Number: 2, Size: 2}, "c ", 3},
			{mona, hubot, store.Page{Number: 1, Size: 9}, "b ", 1},
			{hubot, mona, store.Page{Number: 1, Size: 9}, "b ", 1},
			{b, mona, store.Page{Number: 1, Size: 9}, "", 0},
		} {
			list, total, err := st.Organizations(ctx, c.of.ID, c.viewer.ID, c.page)
			must(err)
			got := ""
			for _, org := range list {
				got += org.Login + " "
			}
			if got != c.want || total != c.total {
				t.Errorf("%s sees of %s: %q of %d, want %q of %d", c.viewer.Login, c.of.Login, got, total, c.want, c.total)
			}
		}
	})
}

func TestRepositoriesAreFoundByTopicAndByBeingArchived(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		mona := &actions.Account{Login: "mona", Type: actions.User}
		if err := st.CreateAccount(ctx, mona); err != nil {
			t.Fatal(err)
		}
		for name, r := range map[string]*actions.Repository{
			"old": {Archived: true, Topics: []string{"go"}}, "new": {Topics: []string{"go-lang", "ci"}}, "none": {},
		} {
			r.Owner, r.Name, r.DefaultBranch, r.CreatedAt, r.UpdatedAt = *mona, name, "main", now, now
			if err := st.CreateRepository(ctx, r); err != nil {
				t.Fatal(err)
			}
			if err := st.Update(ctx, func(tx *store.Tx) error { return tx.UpdateRepository(ctx, r) }); err != nil {
				t.Fatal(err)
			}
		}
		yes, no := true, false
		for _, c := range []struct {
			filter store.RepositoryFilter
			want   string
		}{
			{store.RepositoryFilter{}, "new none old "},
			{store.RepositoryFilter{Archived: &yes}, "old "},
			{store.RepositoryFilter{Archived: &no}, "new none "},
			{store.RepositoryFilter{Topic: "GO"}, "old "},
			{store.RepositoryFilter{Topic: "ci", Archived: &no}, "new "},
			{store.RepositoryFilter{Topic: "ci", Archived: &yes}, ""},
			{store.RepositoryFilter{Topic: `%`}, ""},
			{store.RepositoryFilter{Topic: `go_lang`}, ""},
		} {
			c.filter.Sort = "full_name"
			list, total, err := st.Repositories(ctx, store.Viewer{AccountID: mona.ID}, c.filter, store.Page{Number: 1, Size: 9})
			got := ""
			for _, r := range list {
				got += r.Name + " "
			}
			if err != nil || got != c.want || total != len(list) {
				t.Errorf("%+v: %q of %d (%v), want %q", c.filter, got, total, err, c.want)
			}
		}
	})
}
