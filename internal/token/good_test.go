package token

import (
	"crypto/rand"
	"testing"
	"time"
)

func TestATokenThatWasGoodOnceExpiresAllTheSame(t *testing.T) {
	k, err := LoadKeys(t.TempDir(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	text, err := k.SignRunner(Runner{ID: 7, ClientID: "c", Expires: now.Add(time.Hour)}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []time.Duration{0, time.Minute, 59 * time.Minute} {
		if r, err := k.Runner(text, now.Add(at)); err != nil || r.ID != 7 {
			t.Errorf("after %v: %+v, %v, want runner 7", at, r, err)
		}
	}
	if r, err := k.Runner(text, now.Add(time.Hour)); err == nil {
		t.Errorf("an expired token is that of runner %d", r.ID)
	}
	if _, err := k.Job(text, now); err == nil {
		t.Error("the token of a runner is good as one of a job")
	}
}
