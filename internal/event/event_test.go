package event_test

import (
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/event"
)

func TestEveryRowOfTheTableIsFoundByItsName(t *testing.T) {
	for _, k := range event.Kinds() {
		if found, ok := event.KindOf(k.Name); !ok || found.Name != k.Name {
			t.Errorf("%s is not found: are the rows in the order of the alphabet?", k.Name)
		}
	}
	for _, name := range []string{"", "pull", "push ", "Push", "zzz"} {
		if k, ok := event.KindOf(name); ok {
			t.Errorf("%q is %s, want no event", name, k.Name)
		}
	}
}

func TestTypesThatCountByDefaultAreAmongThoseOfTheEvent(t *testing.T) { // TRG-2, TRG-13
	for _, k := range event.Kinds() {
		for _, name := range k.DefaultTypes() {
			if !k.HasType(name) {
				t.Errorf("%s counts %s by default, which is not one of %q", k.Name, name, k.Types)
			}
		}
	}
	k, _ := event.KindOf("pull_request")
	if want := []string{"opened", "synchronize", "reopened"}; !slices.Equal(k.DefaultTypes(), want) {
		t.Errorf("pull_request counts %q by default, want %q", k.DefaultTypes(), want)
	}
}
