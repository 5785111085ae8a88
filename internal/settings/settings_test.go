package settings_test

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/plan/contexts"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A site is a store with an organization that has one private repository.
type site struct {
	*settings.Settings
	t    *testing.T
	st   *store.Store
	org  *actions.Account
	repo *actions.Repository
}

func newSite(t *testing.T, st *store.Store, defaults ...settings.Default) *site {
	t.Helper()
	s := &site{Settings: settings.New(st, defaults...), t: t, st: st}
	now := time.Now()
	s.org = &actions.Account{Login: "octo", Type: actions.Organization, CreatedAt: now, UpdatedAt: now}
	s.must(st.CreateAccount(t.Context(), s.org))
	s.repo = &actions.Repository{Owner: *s.org, Name: "hello", Private: true, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
	s.must(st.CreateRepository(t.Context(), s.repo))
	return s
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) set(sc settings.Scope, changes ...settings.Change) {
	s.t.Helper()
	s.must(s.Update(s.t.Context(), sc, changes...))
}

// wantDays checks for how many days a scope keeps artifacts, and could.
func (s *site) wantDays(when string, sc settings.Scope, days, most int) {
	s.t.Helper()
	got, err := settings.Get(s.t.Context(), s.Settings, sc, settings.RetentionDays)
	s.must(err)
	could, err := settings.Most(s.t.Context(), s.Settings, sc, settings.RetentionDays)
	s.must(err)
	if got != days || could != most {
		s.t.Errorf("%s: %d days of at most %d, want %d of %d", when, got, could, days, most)
	}
}

func days(n int) settings.Change { return settings.Set(settings.RetentionDays, n) }

var noDays = settings.Unset(settings.RetentionDays)

func TestTheNearestScopeThatSetsAKeyDecides(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		repo, org := settings.Repo(s.repo), settings.Org(s.org)
		other := &actions.Repository{Owner: *s.org, Name: "other", Private: true, DefaultBranch: "main"}
		s.must(st.CreateRepository(t.Context(), other))
		s.wantDays("nobody has set anything", repo, 90, 400)
		s.set(settings.Enterprise(), days(300))
		s.wantDays("the enterprise has", repo, 300, 300)
		s.set(org, days(200))
		s.wantDays("the organization has", repo, 200, 200)
		s.set(repo, days(100))
		s.wantDays("the repository has", repo, 100, 200)
		s.wantDays("its neighbor", settings.Repo(other), 200, 200)
		s.wantDays("its organization", org, 200, 300)
		s.wantDays("the enterprise", settings.Enterprise(), 300, 400)
		s.set(org, noDays)
		s.wantDays("the organization has taken it back", repo, 100, 300)
		s.set(repo, noDays)
		s.wantDays("the repository has taken it back", repo, 300, 300)
		s.set(settings.Enterprise(), noDays)
		s.wantDays("all have", repo, 90, 400)
		s.set(repo, noDays) // there is nothing
		s.wantDays("once more", repo, 90, 400)
	})
}

func TestWhatIsSetAboveIsTheMostThatCounts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		repo, org := settings.Repo(s.repo), settings.Org(s.org)
		s.set(org, days(30))
		err := s.Update(t.Context(), repo, days(31))
		if actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "1 to 30 days, not 31") {
			t.Errorf("more than the organization allows: %v", err)
		}
		s.set(repo, days(30))
		s.set(settings.Enterprise(), days(20))
		s.wantDays("the ceiling came down", repo, 20, 20)
		s.wantDays("for the organization, too", org, 20, 20)
		if err := s.Update(t.Context(), org, days(21)); actions.KindOf(err) != actions.Invalid {
			t.Errorf("more than the enterprise allows: %v", err)
		}
		s.set(settings.Enterprise(), noDays)
		s.wantDays("the ceiling is gone", repo, 30, 30)
	})
}

// LIM-1: GitHub lets public repositories keep artifacts for less time.
func TestAPublicRepositoryKeepsArtifactsForAtMost90Days(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		s.set(settings.Repo(s.repo), days(400))
		private := settings.Repo(s.repo)
		s.repo.Private = false
		s.must(st.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), s.repo) }))
		s.wantDays("public", settings.Repo(s.repo), 90, 90)
		if err := s.Update(t.Context(), private, days(91)); actions.KindOf(err) != actions.Invalid {
			t.Errorf("by somebody who thinks that it is private: %v", err)
		}
		s.set(settings.Org(s.org), days(200))
		s.wantDays("public, of an organization that keeps for longer", settings.Repo(s.repo), 90, 90)
	})
}

func TestTheOperatorsDefaultIsNoCeiling(t *testing.T) {
	s := newSite(t, storetest.Open(t), settings.RetentionDays.Default(30), settings.CacheDays.Default(1000))
	s.wantDays("nobody has set anything", settings.Repo(s.repo), 30, 400)
	s.set(settings.Repo(s.repo), days(31))
	s.wantDays("more", settings.Repo(s.repo), 31, 400)
	got, err := settings.Get(t.Context(), s.Settings, settings.Repo(s.repo), settings.CacheDays)
	if err != nil || got != 1000 {
		t.Errorf("caches are kept for %d days (%v), want the operator's 1000", got, err)
	}
	year := newSite(t, storetest.Open(t), settings.RetentionDays.Default(365))
	year.repo.Private = false
	year.wantDays("a public repository where the default is a year", settings.Repo(year.repo), 90, 90)
}

func TestValuesOutOfRangeAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		refused := map[string]settings.Change{
			"no gigabytes": settings.Set(settings.CacheBytes, settings.Gigabytes(0)), "less than a gigabyte": settings.Set(settings.CacheBytes, 1<<30-1),
			"too many gigabytes": settings.Set(settings.CacheBytes, settings.Gigabytes(10_001)), "as many as overflow": settings.Set(settings.CacheBytes, settings.Gigabytes(1<<34+1)),
			"negative gigabytes": settings.Set(settings.CacheBytes, settings.Gigabytes(-1)),
			"no days of caches":  settings.Set(settings.CacheDays, 0), "too many days of caches": settings.Set(settings.CacheDays, 366),
			"no permissions": settings.Set(settings.WorkflowPermissions, ""), "other permissions": settings.Set(settings.WorkflowPermissions, "none"),
			"other repositories": settings.Set(settings.EnabledRepositories, "some"), "no repositories": settings.Set(settings.EnabledRepositories, ""),
			"a pattern with a blank": settings.Set(settings.SelectedActions, actions.SelectedActions{Patterns: []string{"octo/a b"}}),
			"an empty pattern":       settings.Set(settings.SelectedActions, actions.SelectedActions{Patterns: []string{""}}),
			"an empty exclusion":     settings.Set(settings.SelectedActions, actions.SelectedActions{Patterns: []string{"!"}}),
			"too many patterns":      settings.Set(settings.SelectedActions, actions.SelectedActions{Patterns: slices.Repeat([]string{"a/b"}, 1001)}),
			"patterns too long":      settings.Set(settings.SelectedActions, actions.SelectedActions{Patterns: []string{strings.Repeat("a", 64<<10+1)}}),
			"other actions":          settings.Set(settings.AllowedActions, "none"),
			"no claim":               settings.Set(settings.SubjectTemplate, actions.SubjectTemplate{Keys: []string{"sub"}}),
			"no key of a claim":      settings.Set(settings.SubjectTemplate, actions.SubjectTemplate{Keys: []string{"re po"}}),
			"a claim twice":          settings.Set(settings.SubjectTemplate, actions.SubjectTemplate{Keys: []string{"repo", "ref", "repo"}}),
			"neither true nor false": settings.Set(settings.PublicRepositories, nil),
			"no days":                days(0), "negative days": days(-1), "too many days": days(401),
		}
		for name, change := range refused {
			for _, sc := range []settings.Scope{settings.Repo(s.repo), settings.Org(s.org), settings.Enterprise()} {
				if err := s.Update(t.Context(), sc, change); actions.KindOf(err) != actions.Invalid {
					t.Errorf("%s in %+v: %v, want Invalid", name, sc, err)
				}
			}
		}
		for _, change := range []settings.Change{
			days(1), days(400), settings.Set(settings.CacheDays, 365), settings.Set(settings.CacheBytes, settings.Gigabytes(1)), settings.Set(settings.CacheBytes, settings.Gigabytes(10_000)),
		} {
			s.set(settings.Repo(s.repo), change)
		}
		if err := s.Update(t.Context(), settings.Repo(s.repo), days(5), settings.Set(settings.CacheDays, 0)); err == nil {
			t.Error("a good change and a bad one together are not refused")
		}
		s.wantDays("nothing of it counts", settings.Repo(s.repo), 400, 400)
	})
}

var keyName = regexp.MustCompile(`(?m)^var \w+ = (?:number\(|Key\[.*\]\{\s*name: )"(\w+)"`)

// names are those of the keys in keys.go.
func names(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("keys.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := keyName.FindAllSubmatch(text, -1)
	if vars := bytes.Count(text, []byte("\nvar ")); vars != len(keys) {
		t.Fatalf("keys.go has %d variables, and %d are read as keys: write each as `var X = number(\"name\", …` or `var X = Key[T]{name: …`", vars, len(keys))
	}
	for _, m := range keys {
		all = append(all, string(m[1]))
	}
	return all
}

func TestDefaultPermissionsAreReadBelowWhereTheyAreRead(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		org, repo := settings.Org(s.org), settings.Repo(s.repo)
		write, read := settings.Set(settings.WorkflowPermissions, settings.WriteAccess), settings.Set(settings.WorkflowPermissions, settings.ReadAccess)
		want := func(when string, access settings.Access) {
			t.Helper()
			if got, err := settings.Get(t.Context(), s.Settings, repo, settings.WorkflowPermissions); err != nil || got != access {
				t.Errorf("%s: %s, %v, want %s", when, got, err, access)
			}
		}
		want("nobody says anything", settings.ReadAccess)
		s.set(org, write)
		want("the organization allows", settings.WriteAccess)
		s.set(repo, read)
		want("the repository does not", settings.ReadAccess)
		s.set(repo, write)
		s.set(settings.Enterprise(), read)
		want("the enterprise does not", settings.ReadAccess)
		for _, sc := range []settings.Scope{org, repo} {
			if err := s.Update(t.Context(), sc, write); actions.KindOf(err) != actions.Conflict {
				t.Errorf("write below an enterprise that has set read: %v, want a conflict", err)
			}
		}
		s.set(settings.Enterprise(), settings.Unset(settings.WorkflowPermissions))
		want("the enterprise says nothing any more", settings.WriteAccess)
	})
}

// A name that changed would lose what people have set.
func TestSettingsAreKeptUnderTheirNames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		s.set(settings.Repo(s.repo), days(5), settings.Set(settings.CacheDays, 6), settings.Set(settings.CacheBytes, settings.Gigabytes(7)), settings.Set(settings.WorkflowPermissions, settings.WriteAccess),
			settings.Set(settings.PublicRepositories, new(false)), settings.Set(settings.ActionsSharing, settings.ShareUser),
			settings.Set(settings.ActionsEnabled, false), settings.Set(settings.EnabledRepositories, actions.NoRepositories),
			settings.Set(settings.AllowedActions, actions.LocalActions), settings.Set(settings.SHAPinning, true),
			settings.Set(settings.SubjectTemplate, actions.SubjectTemplate{Custom: true, Keys: []string{"repo", "ref"}}), settings.Set(settings.ImmutableSubject, false),
			settings.Set(settings.OwnRunners, actions.NoRepositories), settings.Set(settings.ApproveReviews, true),
			settings.Set(settings.EnabledOrganizations, actions.SelectedRepositories), settings.Set(settings.SelectedOrganizations, []int64{7, 9}),
			settings.Set(settings.ForkApprovals, settings.ApproveAllOutsiders), settings.Set(settings.PrivateForkRuns, settings.ForkRuns{Run: true}),
			settings.Set(settings.SelectedActions, actions.SelectedActions{GitHub: true, Patterns: []string{"octo/*"}}))
		want := map[string]string{"fork_pr_contributor_approval": `"all_external_contributors"`, "fork_pr_workflows_private_repos": `{"run_workflows_from_fork_pull_requests":true,"send_write_tokens_to_workflows":false,"send_secrets_and_variables":false,"require_approval_for_fork_pr_workflows":false}`, "enabled_organizations": `"selected"`, "selected_organizations": "[7,9]", "actions_enabled": "false", "enabled_repositories": `"none"`, "allowed_actions": `"local_only"`, "sha_pinning_required": "true", "repository_runners": `"none"`, "can_approve_pull_request_reviews": "true", "selected_actions": `{"GitHub":true,"Verified":false,"Patterns":["octo/*"]}`, "oidc_subject_template": `{"Custom":true,"Keys":["repo","ref"]}`, "oidc_immutable_subject": "false", "actions_sharing": `"user"`, "allows_public_repositories": "false", "default_workflow_permissions": `"write"`, "retention_days": "5", "cache_days": "6", "cache_bytes": "7516192768"}
		for _, name := range names(t) {
			if _, set := want[name]; !set {
				t.Errorf("keys.go has the key %s: set it here to a value, and add to want how that is kept", name)
			}
		}
		list, err := st.Settings(t.Context(), 0, s.repo.ID)
		s.must(err)
		got := map[string]string{}
		for _, one := range list {
			got[one.Key] = one.Value
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		told, err := s.OfRun(t.Context(), s.repo)
		told.Vars = nil // a test of their own
		if d := cmp.Diff(contexts.Settings{RetentionDays: 5, CacheGB: 7}, told); err != nil || d != "" {
			t.Errorf("runs are told %v %s", err, d)
		}
	})
}

func TestWhatARepositoryHasSetGoesWithIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		s.set(settings.Org(s.org), days(50))
		s.set(settings.Repo(s.repo), days(5))
		s.must(st.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteRepository(t.Context(), s.repo.ID, time.Now()) }))
		if list, err := st.Settings(t.Context(), s.org.ID, s.repo.ID); err != nil || len(list) != 1 || list[0].Scope.OwnerID != s.org.ID {
			t.Errorf("left: %+v, %v; want what the organization has set", list, err)
		}
		if err := s.Update(t.Context(), settings.Repo(s.repo), days(5)); actions.KindOf(err) != actions.NotFound {
			t.Errorf("set after the end: %v, want NotFound", err)
		}
	})
}

func TestReadingASettingAgainAsksNoDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newSite(t, st)
		s.set(settings.Repo(s.repo), days(5))
		s.wantDays("first", settings.Repo(s.repo), 5, 400)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // a query would fail
		got, err := settings.Get(ctx, s.Settings, settings.Repo(s.repo), settings.RetentionDays)
		if err != nil || got != 5 {
			t.Errorf("again: %d days, %v", got, err)
		}
		if _, err := settings.Get(ctx, s.Settings, settings.Org(s.org), settings.RetentionDays); err == nil {
			t.Error("what was never read is known")
		}
	})
}

func TestWhatOthersSetIsHeardOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s, other := newSite(t, st), settings.New(st)
		for _, sc := range []settings.Scope{settings.Repo(s.repo), settings.Org(s.org), settings.Enterprise()} {
			s.wantDays("before", settings.Repo(s.repo), 90, 400)
			s.must(other.Update(t.Context(), sc, days(5)))
			if got, err := settings.Get(t.Context(), s.Settings, settings.Repo(s.repo), settings.RetentionDays); err != nil || got != 5 {
				t.Errorf("after somebody has set it for %+v: %d days, %v", sc, got, err)
			}
			s.must(other.Update(t.Context(), sc, noDays))
		}
		s.wantDays("after all was taken back", settings.Repo(s.repo), 90, 400)
	})
}

func TestWhatAnotherServerSetsIsHeardOf(t *testing.T) {
	storetest.EachSchema(t, func(t *testing.T, url string) {
		here, there := storetest.OpenURL(t, url), storetest.OpenURL(t, url)
		if strings.HasPrefix(url, "sqlite:") {
			storetest.Listen(t, here)
		}
		s := newSite(t, here)
		s.wantDays("before", settings.Repo(s.repo), 90, 400)
		s.must(settings.New(there).Update(t.Context(), settings.Repo(s.repo), days(5)))
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			got, err := settings.Get(t.Context(), s.Settings, settings.Repo(s.repo), settings.RetentionDays)
			s.must(err)
			if got == 5 {
				return
			}
			if time.Now().After(end) {
				t.Fatal("the old value is given after 20 s")
			}
		}
	})
}
