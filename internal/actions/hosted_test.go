package actions_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestSystemOfAJobIsThatOfGitHubsImage(t *testing.T) {
	for _, c := range []struct {
		labels []string
		want   string
	}{
		{[]string{"ubuntu-latest"}, "UBUNTU"},
		{[]string{"Ubuntu-24.04-arm"}, "UBUNTU"},
		{[]string{"windows-11-arm"}, "WINDOWS"},
		{[]string{"macos-15-xlarge"}, "MACOS"},
		{[]string{"self-hosted", "linux", "x64"}, ""},
		{[]string{"gpu"}, ""},
		{[]string{"ubuntu-"}, ""},
		{nil, ""},
	} {
		if got := actions.HostedSystem(c.labels); got != c.want {
			t.Errorf("%q: %q, want %q", c.labels, got, c.want)
		}
	}
}
