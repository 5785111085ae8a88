package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/policy"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A world has the policy of a site on which the organization guild owns guild/hello and
// guild/other, and mona her own mona/hello.
type world struct {
	testing.TB
	store              *store.Store
	settings           *settings.Settings
	policy             *policy.Policy
	guild              *actions.Account
	hello, other, mine *actions.Repository
}

func newWorld(t testing.TB, st *store.Store) *world {
	t.Helper()
	set := settings.New(st)
	w := &world{TB: t, store: st, settings: set, policy: policy.New(st, set, "Trusted")}
	now := time.Now()
	account := func(login string, kind actions.AccountType) *actions.Account {
		t.Helper()
		a := &actions.Account{Login: login, Type: kind, CreatedAt: now, UpdatedAt: now}
		w.must(st.CreateAccount(t.Context(), a))
		return a
	}
	repository := func(owner *actions.Account, name string) *actions.Repository {
		t.Helper()
		r := &actions.Repository{Owner: *owner, Name: name, Private: true, DefaultBranch: "main", CreatedAt: now, UpdatedAt: now}
		w.must(st.CreateRepository(t.Context(), r))
		return r
	}
	w.guild = account("guild", actions.Organization)
	w.hello, w.other, w.mine = repository(w.guild, "hello"), repository(w.guild, "other"), repository(account("mona", actions.User), "hello")
	return w
}

func each(t *testing.T, test func(w *world)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(newWorld(t, st)) })
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// is fails the test unless err is of a kind; "" is none.
func (w *world) is(err error, kind actions.Kind) {
	w.Helper()
	if got := actions.KindOf(err); got != kind {
		w.Errorf("%q (%v), want %q", got, err, kind)
	}
}

func (w *world) inOrganization(c policy.Change) error {
	return w.policy.SetOrganization(w.Context(), w.guild, c)
}

func (w *world) inRepository(repo *actions.Repository, c policy.Change) error {
	return w.policy.SetRepository(w.Context(), repo, c)
}

// selected has a repository allow selected actions, these.
func (w *world) selected(repo *actions.Repository, s actions.SelectedActions) {
	w.Helper()
	w.must(w.inRepository(repo, policy.Change{Allowed: new(actions.SomeActions)}))
	in, err := w.policy.OfRepository(w.Context(), repo)
	w.must(err)
	w.must(w.policy.Select(w.Context(), in, func(is *actions.SelectedActions) { *is = s }))
}

// uses says whether a repository may use an action or a reusable workflow: "yes" or "no".
func (w *world) uses(repo *actions.Repository, name string, workflow bool) string {
	w.Helper()
	why, err := w.policy.Refusal(w.Context(), repo, []actions.Use{{Name: name, Workflow: workflow}})
	w.must(err)
	if why == "" {
		return "yes"
	}
	if !strings.Contains(why, name[:min(len(name), 60)]) {
		w.Errorf("%q does not name %s", why, name)
	}
	return "no"
}

const full = "0123456789abcdef0123456789abcdef01234567"

func TestSelectedActionsAreThoseThatMayBeUsed(t *testing.T) {
	each(t, func(w *world) {
		for _, c := range []struct {
			name     string
			selected actions.SelectedActions
			yes, no  []string
		}{
			{"nothing", actions.SelectedActions{}, []string{"mona/tools@v1", "MONA/tools/sub@v1"}, []string{"actions/checkout@v5", "trusted/x@v1", "monas/x@v1"}},
			{"GitHub's own", actions.SelectedActions{GitHub: true}, []string{"actions/checkout@v5", "github/codeql-action/init@v4", "Actions/cache@v5"}, []string{"actions-x/checkout@v5", "githubs/x@v1", "x/actions@v1"}},
			{"verified creators", actions.SelectedActions{Verified: true}, []string{"trusted/x@v1", "TRUSTED/y/z@main"}, []string{"actions/checkout@v5", "trust/x@v1", "trustedx/x@v1"}},
			{"an owner", actions.SelectedActions{Patterns: []string{"octo/*"}}, []string{"octo/x@v1", "octo/x/y@" + full}, []string{"octopus/x@v1", "x/octo/y@v1"}},
			{"a repository", actions.SelectedActions{Patterns: []string{"octo/x@*"}}, []string{"octo/x@v1"}, []string{"octo/xy@v1", "octo/x/sub@v1"}},
			{"a tag", actions.SelectedActions{Patterns: []string{"octo/x@v2"}}, []string{"octo/x@v2"}, []string{"octo/x@v2.1", "octo/x@v1", "octo/x@main"}},
			{"tags of a version", actions.SelectedActions{Patterns: []string{"octo/x@v2*"}}, []string{"octo/x@v2", "octo/x@v2.1"}, []string{"octo/x@v1"}},
			{"a commit", actions.SelectedActions{Patterns: []string{"octo/x@" + full}}, []string{"octo/x@" + full, "octo/x@" + strings.ToUpper(full)}, []string{"octo/x@" + full[:39], "octo/x@v1"}},
			{"not one of them", actions.SelectedActions{GitHub: true, Patterns: []string{"octo/*", "!octo/bad@*", "!actions/cache@*"}}, []string{"octo/x@v1", "actions/checkout@v5"}, []string{"octo/bad@v1", "actions/cache@v5"}},
		} {
			w.selected(w.mine, c.selected)
			for _, name := range c.yes {
				if w.uses(w.mine, name, false) != "yes" {
					w.Errorf("%s: %s is not allowed", c.name, name)
				}
			}
			for _, name := range c.no {
				if w.uses(w.mine, name, false) != "no" {
					w.Errorf("%s: %s is allowed", c.name, name)
				}
			}
		}
		w.must(w.inRepository(w.mine, policy.Change{Allowed: new(actions.LocalActions)}))
		if w.uses(w.mine, "mona/x@v1", false) != "yes" || w.uses(w.mine, "actions/checkout@v5", false) != "no" {
			w.Error("local_only is not those of the owner")
		}
		w.must(w.inRepository(w.mine, policy.Change{Allowed: new(actions.AllActions)}))
		if w.uses(w.mine, "anybody/x@v1", false) != "yes" {
			w.Error("all is not all")
		}
	})
}

// What the runs of a repository use is looked at as a whole: what composite actions use
// in turn is asked for in the same way when a runner resolves it.
func TestActionsAreNamedByCommitsWhereTheOrganizationWantsIt(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.inOrganization(policy.Change{Pinned: new(true)}))
		for name, want := range map[string]string{
			"octo/x@" + full: "yes", "octo/x/deep/down@" + full: "yes", "octo/x@" + strings.ToUpper(full): "yes",
			"octo/x@v1": "no", "octo/x@" + full[:39]: "no", "octo/x@" + full + "0": "no", "guild/own@main": "no", "octo/x/deep/down@v1": "no",
		} {
			if got := w.uses(w.hello, name, false); got != want {
				w.Errorf("%s: %s, want %s", name, got, want)
			}
		}
		if w.uses(w.hello, "octo/x/.github/workflows/a.yml@v1", true) != "yes" {
			w.Error("a reusable workflow has to be pinned")
		}
		if w.uses(w.mine, "octo/x@v1", false) != "yes" {
			w.Error("it counts elsewhere")
		}
		w.is(w.inRepository(w.hello, policy.Change{Pinned: new(false)}), actions.Conflict)
		if w.uses(w.hello, "octo/x@v1", false) != "no" {
			w.Error("a repository has undone it")
		}
	})
}

func TestTheOrganizationsRestrictionWins(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.inOrganization(policy.Change{Allowed: new(actions.LocalActions)}))
		for _, allowed := range []actions.AllowedActions{actions.AllActions, actions.SomeActions} {
			w.is(w.inRepository(w.hello, policy.Change{Allowed: &allowed}), actions.Conflict)
		}
		if w.uses(w.hello, "actions/checkout@v5", false) != "no" || w.uses(w.hello, "guild/x@v1", false) != "yes" {
			w.Error("a repository is not restricted as its organization is")
		}
		w.must(w.inOrganization(policy.Change{Allowed: new(actions.SomeActions)}))
		in, err := w.policy.OfOrganization(w.Context(), w.guild)
		w.must(err)
		w.must(w.policy.Select(w.Context(), in, func(s *actions.SelectedActions) { s.Patterns = []string{"octo/*"} }))
		if in, err = w.policy.OfRepository(w.Context(), w.hello); err != nil || in.Allowed != actions.SomeActions {
			w.Errorf("the repository has %+v (%v)", in, err)
		}
		w.is(w.policy.Select(w.Context(), in, func(s *actions.SelectedActions) { s.Patterns = []string{"*"} }), actions.Conflict)
		if w.uses(w.hello, "octo/x@v1", false) != "yes" || w.uses(w.hello, "else/x@v1", false) != "no" {
			w.Error("what the organization selects does not count in its repositories")
		}
		selected, err := w.policy.Selected(w.Context(), in)
		if w.must(err); len(selected.Patterns) != 1 || selected.Patterns[0] != "octo/*" {
			w.Errorf("a repository shows %+v", selected)
		}
	})
}

func TestActionsIsEnabledAsTheOrganizationSays(t *testing.T) {
	each(t, func(w *world) {
		enabled := func(repo *actions.Repository) bool {
			w.Helper()
			on, err := w.policy.Enabled(w.Context(), repo)
			w.must(err)
			return on
		}
		if !enabled(w.hello) || !enabled(w.mine) {
			w.Error("it is not enabled where nobody says anything")
		}
		w.must(w.inOrganization(policy.Change{Repositories: new(actions.SelectedRepositories)}))
		chosen := actions.Selection{For: actions.SelectedForActions, OrgID: w.guild.ID}
		w.must(w.policy.EnabledRepositories().Change(w.Context(), chosen, actions.SelectionChange{Set: []int64{w.hello.ID}}))
		if !enabled(w.hello) || enabled(w.other) || !enabled(w.mine) {
			w.Error("it is not enabled for what is selected, and that alone")
		}
		w.is(w.inRepository(w.other, policy.Change{Enabled: new(true)}), actions.Conflict)
		w.is(w.policy.EnabledRepositories().Change(w.Context(), chosen, actions.SelectionChange{Add: w.mine.ID}), actions.NotFound)
		w.must(w.inRepository(w.hello, policy.Change{Enabled: new(false)}))
		if enabled(w.hello) {
			w.Error("a repository cannot disable it for itself")
		}
		w.must(w.inRepository(w.hello, policy.Change{Enabled: new(true)}))
		w.must(w.inOrganization(policy.Change{Repositories: new(actions.NoRepositories)}))
		if enabled(w.hello) || enabled(w.other) {
			w.Error("it is enabled where the organization disables it")
		}
		_, _, err := w.policy.EnabledRepositories().List(w.Context(), chosen, actions.Page{Number: 1, Size: 1})
		w.is(err, actions.Conflict)
		in, err := w.policy.OfRepository(w.Context(), w.hello)
		w.must(err)
		_, err = w.policy.Selected(w.Context(), in)
		w.is(err, actions.Conflict)
	})
}

func TestAJobIsHandedOutOnlyWhereActionsIsEnabled(t *testing.T) {
	each(t, func(w *world) {
		permits := func(repo *actions.Repository) (shared, own bool) {
			w.Helper()
			shared, own, err := w.policy.Permits(w.Context(), &store.Waiting{Work: actions.Work{RepoID: repo.ID, OwnerID: repo.Owner.ID}})
			w.must(err)
			return shared, own
		}
		if shared, own := permits(w.hello); !shared || !own {
			w.Errorf("by itself: %t, %t", shared, own)
		}
		w.must(w.policy.OwnRunners().Set(w.Context(), w.guild, actions.NoRepositories))
		if shared, own := permits(w.hello); !shared || own {
			w.Errorf("without runners of its own: %t, %t", shared, own)
		}
		w.must(w.inRepository(w.hello, policy.Change{Enabled: new(false)}))
		if shared, own := permits(w.hello); shared || own {
			w.Errorf("disabled: %t, %t", shared, own)
		}
		if shared, own := permits(w.mine); !shared || !own {
			w.Errorf("elsewhere: %t, %t", shared, own)
		}
	})
}

func TestAsManyPatternsAsThereMayBeAreMatchedSoon(t *testing.T) {
	w := newWorld(t, storetest.Open(t))
	many := make([]string, 1000)
	for i := range many {
		many[i] = strings.Repeat("a*", 30) + "b"
	}
	w.selected(w.mine, actions.SelectedActions{Patterns: many})
	begin := time.Now()
	if w.uses(w.mine, "octo/"+strings.Repeat("a", 1000), false) != "no" {
		t.Error("it fits")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	w.selected(w.mine, actions.SelectedActions{Patterns: []string{strings.Repeat("*a", 1000)}})
	if w.uses(w.mine, "x/"+strings.Repeat("a", 1000), false) != "yes" || w.uses(w.mine, "x/"+strings.Repeat("a", 998), false) != "no" {
		t.Error("a thousand wildcards do not each stand for something")
	}
	in, err := w.policy.OfRepository(t.Context(), w.mine)
	w.must(err)
	w.is(w.policy.Select(t.Context(), in, func(s *actions.SelectedActions) { s.Patterns = append(many, "x/*") }), actions.Invalid)
}

func TestWhatIsDisabledSaysSo(t *testing.T) {
	for _, kind := range []actions.Kind{actions.Invalid, actions.Forbidden} {
		if err := policy.Disabled(kind); actions.KindOf(err) != kind || err.Error() != "Actions has been disabled for this repository" {
			t.Errorf("%v", err)
		}
	}
}

func TestTheEnterpriseDecidesWhichOrganizationsHaveActions(t *testing.T) {
	each(t, func(w *world) {
		enabled := func(when string, guild, mona bool) {
			w.Helper()
			for repo, want := range map[*actions.Repository]bool{w.hello: guild, w.mine: mona} {
				on, err := w.policy.Enabled(w.Context(), repo)
				w.must(err)
				shared, _, err := w.policy.Permits(w.Context(), &store.Waiting{Work: actions.Work{RepoID: repo.ID, OwnerID: repo.Owner.ID}})
				w.must(err)
				if on != want || shared != want {
					w.Errorf("%s, %s: %t, and its jobs %t; want %t", when, repo.FullName(), on, shared, want)
				}
			}
		}
		set := func(those actions.Repositories) {
			w.Helper()
			w.must(w.policy.SetEnterprise(w.Context(), policy.Change{Organizations: &those}))
		}
		enabled("nobody says anything", true, true)
		w.is(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Add: w.guild.ID}), actions.Conflict)
		set(actions.SelectedRepositories)
		enabled("none is selected yet", false, false)
		w.is(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Add: w.mine.Owner.ID}), actions.NotFound)
		w.is(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Set: []int64{w.guild.ID, 99}}), actions.Invalid)
		w.is(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Set: make([]int64, actions.MaxSelected+1)}), actions.Invalid)
		w.must(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Add: w.guild.ID}))
		w.must(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Add: w.guild.ID}))
		enabled("guild is selected", true, false)
		list, total, err := w.policy.Organizations(w.Context(), actions.Page{Number: 1, Size: 10})
		if err != nil || total != 1 || len(list) != 1 || list[0].Login != "guild" {
			w.Errorf("%v of %d (%v)", list, total, err)
		}
		w.must(w.policy.SelectOrganizations(w.Context(), actions.SelectionChange{Remove: w.guild.ID}))
		enabled("guild is no more", false, false)
		w.is(w.inOrganization(policy.Change{Repositories: new(actions.AllRepositories)}), actions.Conflict)
		w.is(w.inRepository(w.hello, policy.Change{Enabled: new(true)}), actions.Conflict)
		set(actions.NoRepositories)
		enabled("disabled", false, false)
		set(actions.AllRepositories)
		enabled("enabled again", true, true)
	})
}

func TestTheEnterpriseAllowsNoRepositoryRunnersOfItsOwn(t *testing.T) {
	each(t, func(w *world) {
		w.must(w.policy.OwnRunners().Set(w.Context(), w.guild, actions.AllRepositories))
		for _, disabled := range []bool{true, false} {
			w.must(w.policy.DisableOwnRunners(w.Context(), disabled))
			may, err := w.policy.OwnRunners().Includes(w.Context(), w.hello)
			if is, err2 := w.policy.OwnRunnersDisabled(w.Context()); err != nil || err2 != nil || may == disabled || is != disabled {
				w.Errorf("disabled %t: %t, %t, %v, %v", disabled, may, is, err, err2)
			}
			err = w.policy.OwnRunners().Set(w.Context(), w.guild, actions.AllRepositories)
			if got := actions.KindOf(err) == actions.Conflict; got != disabled {
				w.Errorf("disabled %t: an organization allows them: %v", disabled, err)
			}
		}
	})
}
