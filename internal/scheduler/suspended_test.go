package scheduler_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

func (b *bench) suspend(a *actions.Account) {
	b.t.Helper()
	b.must(b.st.SetSuspended(b.t.Context(), a.ID, true, time.Now()))
}

func TestRunsOfASuspendedAccountEndAtOnceAndSayWhy(t *testing.T) {
	watched(t, func(b *bench) {
		running, waiting := b.start(chain), b.start(chain)
		job := b.acquire(running, "a")
		hash := []byte("a token of the job")
		b.must(b.st.SaveJobToken(b.t.Context(), &actions.Token{AccountID: b.repo.Owner.ID, Hash: hash, RepoID: b.repo.ID, JobID: job.ID, CreatedAt: time.Now()}))
		b.suspend(&b.repo.Owner)
		time.Sleep(time.Second)
		for _, run := range []*actions.Run{running, waiting} {
			b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled", "b completed skipped", "c completed skipped")
			if notes := b.annotations(b.job(run, "a")); len(notes) != 1 || !strings.Contains(notes[0], "is suspended") {
				t.Errorf("the job says %q", notes)
			}
		}
		if _, err := b.st.TokenByHash(b.t.Context(), hash); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the job's token: %v", err)
		}
	})
}

func TestARunWhoseActorIsSuspendedMeanwhileDoesNotStart(t *testing.T) {
	watched(t, func(b *bench) {
		b.repo.Owner.Suspended = true // as the trigger reads it
		run := b.start(chain)
		const check = ".github/workflows/ci.yml"
		b.want(run, actions.Completed, actions.StartupFailure, check+" completed failure")
		if notes := b.annotations(b.job(run, check)); len(notes) != 1 || !strings.Contains(notes[0], "is suspended") {
			b.t.Errorf("the run says %q", notes)
		}
	})
}

// The run was planned before the account was suspended and written after that: what
// is announced then is no news of it.
func TestARunThatWasMadeBesideASuspensionIsFound(t *testing.T) {
	watched(t, func(b *bench) {
		b.suspend(&b.repo.Owner)
		time.Sleep(time.Second)
		run := b.start(chain)
		_, err := b.queue.Acquire(b.t.Context(), b.job(run, "a").GUID, b.runner, func(*store.Tx, *actions.Job) error { return nil })
		if actions.KindOf(err) != actions.Invalid {
			t.Errorf("a runner acquires the job: %v", err)
		}
		time.Sleep(time.Minute)
		b.want(run, actions.Completed, actions.Cancelled, "a completed cancelled", "b completed skipped", "c completed skipped")
	})
}

func TestRunsOfOthersGoOnBesideASuspension(t *testing.T) {
	watched(t, func(b *bench) {
		run := b.start(chain)
		other := &actions.Account{Login: "other", Type: actions.User, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		b.must(b.st.CreateAccount(b.t.Context(), other))
		b.suspend(other)
		time.Sleep(time.Minute)
		b.want(run, actions.Queued, "", "a queued")
		b.end(run, "a", actions.Success, nil)
	})
}
