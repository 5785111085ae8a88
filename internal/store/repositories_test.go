package store_test

import (
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestPeopleSeeTheRepositoriesThatTheyMayRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx, now := t.Context(), time.Now()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		account := func(login string, kind actions.AccountType) *actions.Account {
			t.Helper()
			a := &actions.Account{Login: login, Type: kind, CreatedAt: now, UpdatedAt: now}
			must(st.CreateAccount(ctx, a))
			return a
		}
		mona, hubot, guild := account("mona", actions.User), account("hubot", actions.User), account("guild", actions.Organization)
		pushed := now
		repository := func(owner *actions.Account, name string, private bool) *actions.Repository {
			t.Helper()
			pushed = pushed.Add(-time.Minute) // each was pushed to before the last
			r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now, PushedAt: pushed}
			must(st.CreateRepository(ctx, r))
			return r
		}
		repository(mona, "own", true)
		repository(hubot, "secret", true)
		shared := repository(hubot, "shared", true)
		repository(hubot, "public", false)
		repository(guild, "ours", true)
		must(st.SetCollaborator(ctx, shared.ID, mona.ID, actions.Read))
		must(st.SetMember(ctx, guild.ID, mona.ID, true))
		must(st.SetMember(ctx, guild.ID, hubot.ID, false))
		for _, c := range []struct {
			who        string
			id         int64
			everything bool
			page       store.Page
			want       []string
			total      int
		}{
			{"mona", mona.ID, false, store.Page{Number: 1, Size: 10}, []string{"own", "shared", "public", "ours"}, 4},
			{"mona, by pages of three", mona.ID, false, store.Page{Number: 1, Size: 3}, []string{"own", "shared", "public"}, 4},
			{"mona, the second of them", mona.ID, false, store.Page{Number: 2, Size: 3}, []string{"ours"}, 4},
			{"hubot, who owns nothing of the guild", hubot.ID, false, store.Page{Number: 1, Size: 10}, []string{"secret", "shared", "public"}, 3},
			{"nobody", 0, false, store.Page{Number: 1, Size: 10}, []string{"public"}, 1},
			{"an admin of the site", hubot.ID, true, store.Page{Number: 1, Size: 2}, []string{"own", "secret"}, 5},
		} {
			list, total, err := st.VisibleRepositories(ctx, store.Viewer{AccountID: c.id, Private: c.id != 0, All: c.everything}, c.page)
			must(err)
			var got []string
			for _, r := range list {
				got = append(got, r.Name)
			}
			if !slices.Equal(got, c.want) || total != c.total {
				t.Errorf("%s: %q of %d, want %q of %d", c.who, got, total, c.want, c.total)
			}
		}
	})
}

func TestAnnotationsOfAnAttemptAreListedByJob(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		ctx := t.Context()
		s := newShelf(t, st)
		add := func(j *actions.Job, text string) {
			t.Helper()
			if err := st.CreateAnnotation(ctx, &actions.Annotation{JobID: j.ID, Level: "warning", Message: text}); err != nil {
				t.Fatal(err)
			}
		}
		first, second := *s.jobs[0], *s.jobs[0]
		second.GUID = "another"
		if err := st.Update(ctx, func(tx *store.Tx) error { return tx.CreateJobs(ctx, []*actions.Job{&second}) }); err != nil {
			t.Fatal(err)
		}
		add(&second, "c")
		add(&first, "a")
		add(&second, "d")
		add(&first, "b")
		for number, want := range map[int]string{1: "abc", 2: "d"} {
			list, total, err := st.RunAnnotations(ctx, first.RunID, first.Attempt, store.Page{Number: number, Size: 3})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, a := range list {
				got += a.Message
			}
			if got != want || total != 4 {
				t.Errorf("page %d: %q of %d, want %q of 4", number, got, total, want)
			}
		}
		if _, total, err := st.RunAnnotations(ctx, first.RunID, first.Attempt+1, store.Page{Number: 1, Size: 3}); err != nil || total != 0 {
			t.Errorf("of another attempt: %d, %v", total, err)
		}
	})
}
