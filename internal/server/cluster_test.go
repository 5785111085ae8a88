package server_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/store"
)

func running(sites ...*servertest.Site) {
	for _, s := range sites {
		s.Serve()
	}
}

// No server of these tests looks at the database because time has passed, unless
// they say so: what it knows of another one, it was told.
func TestAJobRunsAtASecondServerAndShowsAtAThird(t *testing.T) {
	servertest.Cluster(t, 3, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one, two, three := sites[0], sites[1], sites[2]
		gates := t.TempDir()
		repo := project(one, one.User("octo"), gates)
		hire(two)
		visitor := session(three, three.Admin)
		for range 3 {
			waits(two)
			begin := time.Now()
			run, job := dispatch(one, repo)
			runPage := fmt.Sprintf("/%s/actions/runs/%d", repo.FullName(), run)
			page := open(three, fmt.Sprintf("%s/job/%d/live", runPage, job), visitor)
			list := open(three, runPage+"/live", visitor)
			took := one.Await("the job is in progress", func() bool { return status(one, repo, job) == "in_progress" })
			t.Logf("a job is in progress after %s, dispatched in %s", took, time.Since(begin)-took)
			page.shows("in_progress")
			page.shows(`["","the first step"]`)
			page.shows(`["","waiting for the gate"]`) // live: the step does not end before
			if got := status(three, repo, job); got != "in_progress" {
				t.Errorf("at the third server the job is %q", got)
			}
			one.Must(os.WriteFile(filepath.Join(gates, fmt.Sprint(run)), nil, 0o600))
			page.shows(`["","the second step"]`)
			page.shows("event: end")
			page.ends()
			list.shows("event: end")
			list.ends()
			for _, s := range sites {
				s.Await("the job is completed", func() bool { return status(s, repo, job) == "completed" })
			}
		}
	})
}

func TestAPermissionTakenAwayIsGoneAtEveryServer(t *testing.T) {
	servertest.Cluster(t, 3, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one := sites[0]
		octo, mona, guild := one.User("octo"), one.User("mona"), one.User("owner")
		org := one.Organization("guild", guild)
		repo, open := one.Repository(octo, "hello", true), one.Repository(octo, "open", false)
		theirs := one.Repository(org, "theirs", true)
		ctx := t.Context()
		for _, c := range []struct {
			what       string
			who        *actions.Account
			repo       *actions.Repository
			give, take func(text string)
		}{
			{
				"a collaborator", mona, repo,
				func(string) { one.Must(one.Store.SetCollaborator(ctx, repo.ID, mona.ID, actions.Read)) },
				func(string) {
					path := servertest.API + "/repos/octo/hello/collaborators/mona"
					one.Want(one.Do(http.MethodDelete, path, one.AdminToken, nil), http.StatusNoContent)
				},
			},
			{
				"a token", octo, repo, func(string) {},
				func(text string) {
					c, err := one.Auth.Token(ctx, text)
					one.Must(err)
					one.Must(one.Store.DeleteToken(ctx, c.Token.ID))
				},
			},
			{
				"an owner of the organization", guild, theirs, func(string) {},
				func(string) { one.Must(one.Store.SetMember(ctx, org.ID, guild.ID, false)) },
			},
			{
				"everybody", mona, open, func(string) {},
				func(string) {
					path := servertest.API + "/repos/octo/open"
					one.Want(one.Do(http.MethodPatch, path, one.AdminToken, map[string]any{"private": true}), http.StatusOK)
				},
			},
		} {
			text := one.Token(c.who, "repo")
			may := func(s *servertest.Site) bool {
				for _, path := range []string{"", "/actions/runs"} {
					if s.Do(http.MethodGet, servertest.API+"/repos/"+c.repo.FullName()+path, text, nil).StatusCode != http.StatusOK {
						return false
					}
				}
				return true
			}
			c.give(text)
			for _, s := range sites {
				s.Await(c.what+" may", func() bool { return may(s) })
			}
			c.take(text)
			for _, s := range sites {
				took := s.Await(c.what+" may no more", func() bool { return !may(s) })
				t.Logf("%s: gone after %s", c.what, took)
			}
		}
	})
}

// A page that is open at another server closes.
func TestAnOpenPageEndsWhenItsVisitorMaySeeItNoMore(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one, two := sites[0], sites[1]
		repo, mona := project(one, one.User("octo"), t.TempDir()), one.User("mona")
		run, _ := dispatch(one, repo)
		for what, take := range map[string]func(text string){
			"a collaborator": func(string) {
				one.Must(one.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.NoAccess))
			},
			"a session": func(text string) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
				one.Must(err)
				r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: text})
				c, err := one.Auth.Session(r)
				one.Must(err)
				one.Must(one.Store.DeleteToken(t.Context(), c.Token.ID))
			},
		} {
			t.Run(what, func(*testing.T) {
				one.Must(one.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Read))
				text := session(one, mona)
				two.Await("mona may", func() bool {
					p, err := two.Auth.AccountPermission(t.Context(), mona, repo)
					return err == nil && p == actions.Read
				})
				page := open(two, fmt.Sprintf("/%s/actions/runs/%d/live", repo.FullName(), run), text)
				page.shows("event: changed")
				take(text)
				page.ends()
			})
		}
	})
}

// Others poll the list while it changes, so that what is old might be remembered
// at any time.
func TestAnAnswerRememberedAtAnotherServerDoesNotStayOld(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one, two := sites[0], sites[1]
		repo := project(one, one.User("octo"), t.TempDir())
		dispatch(one, repo)
		path := servertest.API + "/repos/" + repo.FullName()
		list := func() string {
			return string(two.Want(two.Do(http.MethodGet, path+"/actions/runs", two.AdminToken, nil), http.StatusOK).Text)
		}
		var wg sync.WaitGroup
		stop := make(chan struct{})
		defer wg.Wait()
		defer close(stop)
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						list()
					}
				}
			})
		}
		var longest time.Duration
		for i := range 60 {
			want := fmt.Sprintf(`"number %d"`, i)
			one.Want(one.Do(http.MethodPatch, path, one.AdminToken, map[string]any{"description": strings.Trim(want, `"`)}), http.StatusOK)
			longest = max(longest, two.Await("the list has "+want, func() bool { return strings.Contains(list(), want) }))
		}
		t.Logf("the longest took %s", longest)
	})
}

// hangUp ends the connections by which servers hear each other, and those by
// which they tell.
func hangUp(s *servertest.Site, database string) {
	s.Helper()
	conn, err := pgx.Connect(s.Context(), database)
	s.Must(err)
	defer conn.Close(s.Context())
	var n int
	s.Must(conn.QueryRow(s.Context(), `select count(pg_terminate_backend(pid)) from pg_stat_activity
		where datname = current_database() and (query ilike 'listen%' or query ilike '%pg_notify%') and pid <> pg_backend_pid()`).Scan(&n))
	if n == 0 {
		s.Fatal("no server hears others")
	}
}

// The database hangs up on those who listen, again and again, and what is
// announced meanwhile is lost.
func TestALostConnectionBetweenServersLosesNoJobAndNoChange(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one, two := sites[0], sites[1]
		gates := t.TempDir()
		repo, mona := project(one, one.User("octo"), gates), one.User("mona")
		hire(two)
		text := one.Token(mona, "repo")
		path := servertest.API + "/repos/" + repo.FullName()
		may := func() bool {
			return two.Do(http.MethodGet, path, text, nil).StatusCode == http.StatusOK
		}
		for range 3 {
			waits(two)
			one.Must(one.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Read))
			two.Await("mona may", may)
			hangUp(one, one.Database)
			one.Must(one.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.NoAccess))
			run, job := dispatch(one, repo)
			one.Must(os.WriteFile(filepath.Join(gates, fmt.Sprint(run)), nil, 0o600))
			two.Await("mona may no more", func() bool { return !may() })
			one.Await("the job is completed", func() bool { return status(one, repo, job) == "completed" })
			two.Hears()
		}
	})
}

// The first server tells nobody what it does: it has no loops.
func TestALostNoticeCostsTheTimeOfACheckAndNoJob(t *testing.T) {
	recheck := servertest.WithDeps(func(d *servertest.Deps) { d.Limits.Recheck = 300 * time.Millisecond })
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		silent, two := sites[0], sites[1]
		running(two)
		gates := t.TempDir()
		repo, mona := project(silent, silent.User("octo"), gates), silent.User("mona")
		hire(two)
		text := silent.Token(mona, "repo")
		path := servertest.API + "/repos/" + repo.FullName()
		may := func() bool {
			return two.Do(http.MethodGet, path, text, nil).StatusCode == http.StatusOK
		}
		silent.Must(silent.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Read))
		two.Await("mona may", may)
		silent.Must(silent.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.NoAccess))
		two.Await("mona may no more", func() bool { return !may() })
		waits(two)
		run, job := dispatch(silent, repo)
		page := open(two, fmt.Sprintf("/%s/actions/runs/%d/live", repo.FullName(), run), session(two, two.Admin))
		silent.Must(os.WriteFile(filepath.Join(gates, fmt.Sprint(run)), nil, 0o600))
		two.Await("the job is completed", func() bool {
			j, err := two.Store.Job(t.Context(), job)
			two.Must(err)
			return j.Status == actions.Completed
		})
		page.shows("event: end")
	}, recheck)
}

// Without a notice what is remembered stays: so the tests above show that notices
// come, and not that nothing is remembered.
func TestWhatNobodyIsToldOfStaysRemembered(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		silent, two := sites[0], sites[1]
		running(two)
		repo, mona := silent.Repository(silent.User("octo"), "hello", true), silent.User("mona")
		text := silent.Token(mona, "repo")
		silent.Must(silent.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Read))
		path := servertest.API + "/repos/" + repo.FullName()
		two.Await("mona may", func() bool { return two.Do(http.MethodGet, path, text, nil).StatusCode == http.StatusOK })
		silent.Must(silent.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.NoAccess))
		two.Want(two.Do(http.MethodGet, path, text, nil), http.StatusOK)
		two.Store.Publish(store.AccessTopic())
		two.Want(two.Do(http.MethodGet, path, text, nil), http.StatusNotFound)
	})
}
