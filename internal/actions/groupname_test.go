package actions_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestANameOfARunnerGroupMaySayWhoseItIs(t *testing.T) {
	org := &actions.Access{Name: "Big", Scope: actions.Scope{OwnerID: 7}}
	ent := &actions.Access{Name: "big"}
	for name, want := range map[string]struct{ good, org, ent bool }{
		"":                 {true, true, true},
		"big":              {true, true, true},
		"BIG":              {true, true, true},
		"default":          {true, false, false},
		"org/big":          {true, true, false},
		"organization/big": {true, true, false},
		"ent/big":          {true, false, true},
		"enterprise/Big":   {true, false, true},
		"team/big":         {false, false, false},
		"Org/big":          {false, false, false},
		"org/":             {false, false, false},
		"org/team/big":     {false, false, false},
		"/big":             {false, false, false},
		"a/b/c":            {false, false, false},
	} {
		if err := actions.CheckGroupName(name); (err == nil) != want.good {
			t.Errorf("%s: %v", name, err)
		}
		if org, ent := org.Covers(name), ent.Covers(name); org != want.org || ent != want.ent {
			t.Errorf("%s: the organization's %t, the enterprise's %t", name, org, ent)
		}
	}
}

func TestAGroupIsForTheWorkItIsFor(t *testing.T) {
	work := actions.Work{RepoID: 1, OwnerID: 2, Repo: "octo/hello", Path: ".github/workflows/ci.yml", Ref: "refs/heads/main", SHA: "abababababababababababababababababababab"}
	public := work
	public.Public = true
	tag := work
	tag.Ref = "refs/tags/main"
	named := work
	named.Ref = "refs/heads/cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	disguised := work
	disguised.Ref = "refs/heads/refs/heads/main"
	only := func(w string) actions.Access { return actions.Access{Restricted: true, Workflows: []string{w}} }
	for name, c := range map[string]struct {
		group actions.Access
		work  actions.Work
		want  bool
	}{
		"all":                  {actions.Access{}, work, true},
		"public":               {actions.Access{}, public, false},
		"public, allowed":      {actions.Access{Public: true}, public, true},
		"selected":             {actions.Access{ByRepo: true, Repos: []int64{1}}, work, true},
		"not selected":         {actions.Access{ByRepo: true, Repos: []int64{2, 3}}, work, false},
		"nothing selected":     {actions.Access{ByRepo: true}, work, false},
		"selected and public":  {actions.Access{ByRepo: true, Repos: []int64{1}}, public, false},
		"organization":         {actions.Access{ByOrg: true, Orgs: []int64{2}}, work, true},
		"another organization": {actions.Access{ByOrg: true, Orgs: []int64{1}}, work, false},
		"no workflow":          {actions.Access{Restricted: true}, work, false},
		"workflow, full ref":   {only("octo/hello/.github/workflows/ci.yml@refs/heads/main"), work, true},
		"workflow, branch":     {only("Octo/Hello/.github/workflows/ci.yml@main"), work, true},
		"workflow, SHA":        {only("octo/hello/.github/workflows/ci.yml@ABABABABABABABABABABABABABABABABABABABAB"), work, true},
		"workflow, short SHA":  {only("octo/hello/.github/workflows/ci.yml@abababa"), work, false},
		"workflow, name of a branch that is a SHA": {only("octo/hello/.github/workflows/ci.yml@cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"), named, false},
		"workflow, tag":                                 {only("octo/hello/.github/workflows/ci.yml@main"), tag, true},
		"workflow, branch for a tag":                    {only("octo/hello/.github/workflows/ci.yml@refs/heads/main"), tag, false},
		"workflow, branch whose own name is a full ref": {only("octo/hello/.github/workflows/ci.yml@refs/heads/main"), disguised, false},
		"workflow, another branch":                      {only("octo/hello/.github/workflows/ci.yml@dev"), work, false},
		"workflow, another file":                        {only("octo/hello/.github/workflows/cd.yml@main"), work, false},
		"workflow, case of the file":                    {only("octo/hello/.github/workflows/CI.yml@main"), work, false},
		"workflow, another repository":                  {only("octo/other/.github/workflows/ci.yml@main"), work, false},
		"workflows that do not count":                   {actions.Access{Workflows: []string{"octo/other/ci.yml@main"}}, work, true},
	} {
		if got := c.group.Admits(&c.work); got != c.want {
			t.Errorf("%s: %t (%s)", name, got, c.group.Refusal(&c.work))
		}
	}
}
