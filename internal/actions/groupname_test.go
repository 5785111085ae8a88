package actions_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestANameOfARunnerGroupMaySayWhoseItIs(t *testing.T) {
	for name, want := range map[string]struct{ good, isDefault bool }{
		"big":                  {true, false},
		"default":              {true, true},
		"org/Default":          {true, true},
		"organization/big":     {true, false},
		"ent/default":          {true, true},
		"enterprise/default":   {true, true},
		"team/big":             {false, false},
		"Org/default":          {false, false},
		"org/":                 {false, true},
		"org/team/big":         {false, false},
		"/default":             {false, false},
		"a/b/c":                {false, false},
		"organization/default": {true, true},
	} {
		err := actions.CheckGroupName(name)
		if got := new(actions.Runner).InGroup(name); (err == nil) != want.good || got != want.isDefault {
			t.Errorf("%s: %v; it is the default group: %t", name, err, got)
		}
	}
}
