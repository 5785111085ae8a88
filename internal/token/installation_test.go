package token

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestAJobAlwaysGetsTheSameInstallationToken(t *testing.T) {
	keys, err := LoadKeys(t.TempDir(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	job := &actions.Job{GUID: "2c1b0a99-1111-4222-8333-444455556666", StartedAt: testNow}
	first, err := keys.Installation(job)
	if err != nil {
		t.Fatal(err)
	}
	again, err := keys.Installation(job)
	if err != nil || again != first {
		t.Errorf("second time: %q, %v; want %q", again, err, first)
	}
	for what, j := range map[string]*actions.Job{
		"another job":                        {GUID: "2c1b0a99-1111-4222-8333-444455556667", StartedAt: testNow},
		"the job, acquired again since then": {GUID: job.GUID, StartedAt: testNow.Add(time.Microsecond)},
	} {
		other, err := keys.Installation(j)
		if err != nil || other == first {
			t.Errorf("%s: %q, %v; want another token", what, other, err)
		}
	}
	if k, ok := KindOf(first); !ok || k != Installation {
		t.Errorf("KindOf(%q) = %q, %v; want %q", first, k, ok, Installation)
	}
}
