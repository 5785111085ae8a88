package actions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

const sha = "11bd71901bbe5b1630ceea73d27597364c9af683"

func TestWhichActionsMayBeUsed(t *testing.T) {
	local := actions.Policy{Allowed: actions.LocalActions}
	github := actions.Policy{Allowed: actions.SomeActions, Selected: actions.SelectedActions{GitHub: true}}
	verified := actions.Policy{Allowed: actions.SomeActions, Selected: actions.SelectedActions{Verified: true}, Verified: []string{"Docker"}}
	patterns := func(list ...string) actions.Policy {
		return actions.Policy{Allowed: actions.SomeActions, Selected: actions.SelectedActions{Patterns: list}}
	}
	for name, c := range map[string]struct {
		policy actions.Policy
		use    string
		may    bool
	}{
		"all":                               {actions.Policy{Allowed: actions.AllActions}, "octo/tool@v1", true},
		"of the owner":                      {local, "acme/tool@v1", true},
		"of the owner in another case":      {local, "Acme/tool@v1", true},
		"of an owner with a longer name":    {local, "acme2/tool@v1", false},
		"of GitHub, locally":                {local, "actions/checkout@v4", false},
		"of the owner, none selected":       {patterns(), "acme/tool@v1", true},
		"of GitHub":                         {github, "actions/checkout@v4", true},
		"of GitHub's other owner":           {github, "github/codeql-action/init@v3", true},
		"of others":                         {github, "actions-rs/toolchain@v1", false},
		"of a verified creator":             {verified, "docker/login-action@v3", true},
		"of an unverified one":              {verified, "octo/tool@v1", false},
		"by name and version":               {patterns("octo/tool@v1"), "octo/tool@v1", true},
		"by name and another version":       {patterns("octo/tool@v1"), "octo/tool@v12", false},
		"by a commit":                       {patterns("octo/tool@" + sha), "octo/tool@" + sha, true},
		"by any version":                    {patterns("octo/tool@*"), "octo/tool@v1", true},
		"a directory by any version":        {patterns("octo/tool@*"), "octo/tool/sub@v1", false},
		"a directory":                       {patterns("octo/tool/*"), "octo/tool/sub@v1", true},
		"the root by its directories":       {patterns("octo/tool/*"), "octo/tool@v1", false},
		"by owner":                          {patterns("octo/*"), "octo/tool/sub@v1", true},
		"by a name without a version":       {patterns("octo/tool"), "octo/tool@v1", false},
		"not from the middle":               {patterns("tool@*"), "octo/tool@v1", false},
		"not to the middle":                 {patterns("octo/*@v"), "octo/tool@v1", false},
		"in another case":                   {patterns("Octo/Tool@V1"), "octo/tool@v1", true},
		"by the end":                        {patterns("*@v1"), "octo/tool@v1", true},
		"with stars in between":             {patterns("*/t*l@*1"), "octo/tool@v1", true},
		"what two stars would share":        {patterns("octo/ab*ba@v1"), "octo/aba@v1", false},
		"excluded":                          {patterns("octo/*", "!octo/tool@*"), "octo/tool@v1", false},
		"excluded before":                   {patterns("!octo/tool@*", "octo/*"), "octo/tool@v1", false},
		"not excluded":                      {patterns("octo/*", "!octo/tool@*"), "octo/other@v1", true},
		"of the owner and excluded":         {patterns("!acme/*"), "acme/tool@v1", false},
		"a version is excluded, not others": {patterns("octo/*", "!octo/tool@v1"), "octo/tool@v2", true},
	} {
		c.policy.Repo = "acme/site"
		if why := c.policy.Refusal([]actions.Use{{Name: c.use}}); (why == "") != c.may {
			t.Errorf("%s: %s is refused with %q", name, c.use, why)
		}
	}
}

func TestActionsAreNamedByCommitsWhereThatIsRequired(t *testing.T) {
	p := actions.Policy{Repo: "acme/site", Allowed: actions.AllActions, Pinned: true}
	for use, may := range map[actions.Use]bool{
		{Name: "octo/tool@" + sha}:                                   true,
		{Name: "octo/tool/sub@" + strings.ToUpper(sha)}:              true,
		{Name: "octo/tool@v1"}:                                       false,
		{Name: "octo/tool@" + sha[:39]}:                              false,
		{Name: "octo/tool@" + sha + "0"}:                             false,
		{Name: "octo/tool@x" + sha}:                                  false,
		{Name: "acme/tool@v1"}:                                       false,
		{Name: "octo/tool/.github/workflows/x@v1"}:                   false,
		{Name: "octo/ci/.github/workflows/x.yml@v1", Workflow: true}: true,
	} {
		if why := p.Refusal([]actions.Use{use}); (why == "") != may {
			t.Errorf("%+v is refused with %q", use, why)
		}
	}
}

func TestRefusalsAreGitHubsSentences(t *testing.T) {
	uses := func(names ...string) (list []actions.Use) {
		for _, n := range names {
			list = append(list, actions.Use{Name: n})
		}
		return list
	}
	selected := func(s actions.SelectedActions) *actions.Policy {
		return &actions.Policy{Repo: "acme/site", Allowed: actions.SomeActions, Selected: s}
	}
	for _, c := range []struct {
		policy *actions.Policy
		uses   []actions.Use
		want   string
	}{
		{
			&actions.Policy{Repo: "acme/site", Allowed: actions.LocalActions}, uses("octo/a@v1", "octo/b@v1", "octo/a@v1"),
			"The actions octo/a@v1 and octo/b@v1 are not allowed in acme/site because all actions must be from a repository owned by acme.",
		},
		{
			&actions.Policy{Repo: "acme/site", Allowed: actions.LocalActions}, uses("x/1@v", "x/2@v", "x/3@v", "x/4@v", "x/5@v", "x/6@v"),
			"The actions x/1@v, x/2@v, x/3@v, x/4@v, x/5@v, and 1 other are not allowed in acme/site because all actions must be from a repository owned by acme.",
		},
		{
			selected(actions.SelectedActions{Patterns: []string{"chain/*"}}), uses("octo/a@v1"),
			"The action octo/a@v1 is not allowed in acme/site because all actions must be from a repository owned by acme or match the pattern: chain/*.",
		},
		{
			selected(actions.SelectedActions{GitHub: true, Verified: true, Patterns: []string{"docker/*", "pnpm/*"}}), uses("octo/a@v1"),
			"The action octo/a@v1 is not allowed in acme/site because all actions must be from a repository owned by acme, created by GitHub, verified in the GitHub Marketplace, or match one of the patterns: docker/*, pnpm/*.",
		},
		{
			&actions.Policy{Repo: "acme/site", Allowed: actions.AllActions, Pinned: true}, uses("octo/a@v1", "octo/b@v1", "octo/c@v1"),
			"The actions octo/a@v1, octo/b@v1, and octo/c@v1 are not allowed in acme/site because all actions must be pinned to a full-length commit SHA.",
		},
	} {
		if got := c.policy.Refusal(c.uses); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestPatternsOfManyStarsTakeLinearTime(t *testing.T) {
	hostile := make([]string, 30)
	for i := range hostile {
		hostile[i] = strings.Repeat("a*", 1000) + "b"
	}
	p := &actions.Policy{Repo: "acme/site", Allowed: actions.SomeActions, Selected: actions.SelectedActions{Patterns: hostile}}
	begin := time.Now()
	if p.Refusal([]actions.Use{{Name: "octo/" + strings.Repeat("a", 100_000)}}) == "" {
		t.Error("it matches")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}
