package githttp

import (
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestAnonymousFetchesWaitForTheirTurn(t *testing.T) {
	slots := make(turns, 2)
	leave, err := slots.take(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := slots.take(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := slots.take(t.Context(), time.Millisecond); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("the third of two: got %v, want unavailable", err)
	}
	leave()
	if _, err := slots.take(t.Context(), time.Minute); err != nil {
		t.Errorf("after one has left: %v", err)
	}
}
