package container

import (
	"slices"
	"strings"
	"testing"
)

func TestContainersHaveNoMoreThanTheLimitsOfJobs(t *testing.T) {
	all := Limits{Memory: 1 << 30, CPUs: 1.5, Processes: 100}
	for _, c := range []struct {
		limits        Limits
		options, want string
	}{
		{Limits{}, "--memory 8g", ""},
		{all, "", "--memory=1073741824 --memory-swap=1073741824 --cpus=1.5 --pids-limit=100"},
		{all, "--memory 8g --memory-swap -1 --cpus 8 --pids-limit -1", "--memory=1073741824 --memory-swap=1073741824 --cpus=1.5 --pids-limit=100"},
		{all, "-m 512m --cpus=0.5 --pids-limit 10", "--memory=536870912 --memory-swap=536870912 --cpus=0.5 --pids-limit=10"},
		{all, "--memory 512m --memory 1024t --cpus 0 --cpus nan", "--memory=1073741824 --memory-swap=1073741824 --cpus=1.5 --pids-limit=100"},
		{all, "--memory 0.5GiB", "--memory=536870912 --memory-swap=536870912 --cpus=1.5 --pids-limit=100"},
	} {
		options, err := parseOptions(c.options, Policy{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.limits.arguments(options)
		if want := strings.Fields(c.want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v, want %q", c.options, got, err, want)
		}
	}
	options, err := parseOptions("--cpu-quota 400000", Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := all.arguments(options); err == nil {
		t.Error("a quota is taken beside the limit")
	}
}
