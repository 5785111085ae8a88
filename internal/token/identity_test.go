package token

import (
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestARunnersTokenIsNotThatOfAnotherWithItsNumber(t *testing.T) {
	k := testKeys(t)
	first := &actions.Runner{ID: 7, ClientID: "6f9619ff-8b86-4011-b42d-00c04fc964ff", CreatedAt: testNow}
	second := &actions.Runner{ID: 7, ClientID: "9f0b1c52-5d50-4b6f-8a0e-0d4a3a3e2f11", CreatedAt: testNow.Add(time.Minute)}
	text, err := k.SignRunner(Runner{ID: first.ID, ClientID: first.ClientID, Expires: testNow.Add(time.Hour)}, testNow.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Runner(text, testNow.Add(time.Minute)); err != nil || !got.IsOf(first) || got.IsOf(second) {
		t.Errorf("%+v, %v: is it of the first %t, of the second %t", got, err, got.IsOf(first), got.IsOf(second))
	}
	if _, err := k.SignRunner(Runner{ID: 7, Expires: testNow.Add(time.Hour)}, testNow); err == nil {
		t.Error("a token was signed for a number alone")
	}
}

// Older data was put back: the job waits again, and another runner acquires it.
func TestAJobsTokenIsForOneAcquisition(t *testing.T) {
	k, said := testKeys(t), testJob()
	job := func(guid string, started time.Time) *actions.Job {
		return &actions.Job{ID: said.ID, GUID: guid, StartedAt: started}
	}
	text, err := k.SignJob(said, testNow)
	if err != nil {
		t.Fatal(err)
	}
	got, err := k.Job(text, testNow)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what string
		job  *actions.Job
		want bool
	}{
		{"its acquisition", job(said.GUID, said.Acquired), true},
		{"the job as it waits", job(said.GUID, time.Time{}), false},
		{"another acquisition", job(said.GUID, said.Acquired.Add(time.Microsecond)), false},
		{"another job with its number", job("9f0b1c52-5d50-4b6f-8a0e-0d4a3a3e2f11", said.Acquired), false},
	} {
		if is := got.IsOf(c.job); is != c.want {
			t.Errorf("is it of %s: %t", c.what, is)
		}
	}
	said.Acquired = time.Time{}
	if _, err := k.SignJob(said, testNow); err == nil {
		t.Error("a token was signed for a job that nobody has acquired")
	}
}

// Versions before this one have signed neither the client nor the acquisition. Their
// tokens are good for what was there by then: jobs go on when a server is replaced by
// a newer one.
func TestTokensOfEarlierVersionsAreForWhatWasThere(t *testing.T) {
	k := testKeys(t)
	signed := testNow.Add(time.Millisecond) // which a token says in seconds
	runnerText, err1 := k.sign(&runnerClaims{RegisteredClaims: registered(runnerAudience, signed, testNow.Add(time.Hour)), RunnerID: 7})
	guid := testJob().GUID
	jobText, err2 := k.sign(&jobClaims{
		RegisteredClaims: registered(jobAudience, signed, testNow.Add(time.Hour)), Scopes: resultsScope + "plan:" + guid, Caches: "[]", JobID: 3,
	})
	runner, err3 := k.Runner(runnerText, signed)
	job, err4 := k.Job(jobText, signed)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		made time.Time
		want bool
	}{{testNow.Add(-time.Hour), true}, {signed, true}, {testNow.Add(2 * time.Second), false}} {
		if is := runner.IsOf(&actions.Runner{ID: 7, ClientID: "c", CreatedAt: c.made}); is != c.want {
			t.Errorf("a runner that was registered %v after the signature: %t", c.made.Sub(signed), is)
		}
		if is := job.IsOf(&actions.Job{ID: 3, GUID: guid, StartedAt: c.made}); is != c.want {
			t.Errorf("a job that was acquired %v after the signature: %t", c.made.Sub(signed), is)
		}
	}
}
