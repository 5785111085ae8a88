package scheduler_test

import (
	"strconv"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/scheduler"
)

// results.md §1.2, §3.4: GITHUB_RETENTION_DAYS bounds what an upload may ask for, so
// it is what the server holds the upload to.
func TestJobsAreToldHowLongArtifactsAreKept(t *testing.T) {
	for _, test := range []struct {
		name   string
		server int
		repo   actions.Repository
		want   int
	}{
		{"nobody says anything", 0, actions.Repository{}, 90},
		{"the server keeps less", 30, actions.Repository{}, 30},
		{"the server keeps for a year", 365, actions.Repository{Private: true}, 365},
		{"for a year, and the repository is public", 365, actions.Repository{}, 90},
		{"the repository says less", 30, actions.Repository{ArtifactDays: 7}, 7},
		{"the repository says more", 30, actions.Repository{ArtifactDays: 200, Private: true}, 200},
		{"it was private when it said so", 30, actions.Repository{ArtifactDays: 200}, 90},
	} {
		s := scheduler.New(scheduler.Config{ArtifactDays: test.server})
		got, _ := s.Github(&actions.Run{}, &test.repo, &scheduler.Source{}, "http://ci.example", "http://ci.example/api/v3").Get("retention_days")
		if want := strconv.Itoa(test.want); got != want {
			t.Errorf("%s: jobs are told %v, want %s", test.name, got, want)
		}
	}
}

func TestJobsAreToldTheLimitOfCaches(t *testing.T) {
	for _, test := range []struct{ server, repo, want int }{{0, 0, 10}, {3, 0, 3}, {3, 5, 5}} {
		s := scheduler.New(scheduler.Config{CacheGB: test.server})
		got, _ := s.Github(&actions.Run{}, &actions.Repository{CacheGB: test.repo}, &scheduler.Source{}, "http://ci.example", "").Get("artifact_cache_size_limit")
		if got != strconv.Itoa(test.want) {
			t.Errorf("%+v: jobs are told %v", test, got)
		}
	}
}
