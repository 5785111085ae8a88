package recent_test

import (
	"errors"
	"strconv"
	"testing"

	"github.com/understudy-ci/understudy/internal/recent"
)

func TestWhatWasNotUsedForLongestIsForgottenWhenThereIsTooMuch(t *testing.T) {
	c := recent.New[int, string](3, 100)
	for i := range 3 {
		c.Put(i, strconv.Itoa(i), 1)
	}
	c.Get(0)
	c.Put(3, "3", 1)
	for i, want := range []bool{true, false, true, true} {
		if v, ok := c.Get(i); ok != want || ok && v != strconv.Itoa(i) {
			t.Errorf("%d: %q, %v; want it kept: %v", i, v, ok, want)
		}
	}
}

func TestTheOldestIsForgottenWhenAllAreTooLarge(t *testing.T) {
	c := recent.New[string, int](10, 10)
	c.Put("a", 1, 6)
	c.Put("b", 2, 4)
	c.Put("c", 3, 1)
	if _, ok := c.Get("a"); ok {
		t.Error("a is kept though all together are too large")
	}
	if _, ok := c.Get("b"); !ok {
		t.Error("b is gone though there is room")
	}
	c.Put("giant", 4, 1000)
	if v, ok := c.Get("giant"); !ok || v != 4 {
		t.Error("the newest is not kept")
	}
}

func TestAValueIsCountedOnce(t *testing.T) {
	c := recent.New[string, int](10, 10)
	c.Put("a", 1, 6)
	c.Put("a", 2, 6)
	c.Put("b", 3, 4)
	if v, ok := c.Get("a"); !ok || v != 2 {
		t.Errorf("got %d, %v, want 2", v, ok)
	}
}

func TestAValueIsGoodForItsRevisionOnly(t *testing.T) {
	c := recent.New[string, string](10, 100)
	c.PutAt("a", "seven", 1, 7)
	for _, revision := range []uint64{6, 7} {
		if _, ok := c.GetAt("a", revision); ok != (revision == 7) {
			t.Errorf("revision %d: there is one: %v", revision, ok)
		}
	}
	c.PutAt("a", "six", 1, 6) // was made before, and comes late
	if v, ok := c.GetAt("a", 7); !ok || v != "seven" {
		t.Errorf("got %q, %v, want that of revision 7", v, ok)
	}
	if v, ok := c.GetAt("a", 8); ok {
		t.Errorf("got %q for revision 8, want nothing", v)
	}
	c.PutAt("a", "eight", 1, 8)
	if v, ok := c.GetAt("a", 8); !ok || v != "eight" {
		t.Errorf("got %q, %v, want that of revision 8", v, ok)
	}
}

func TestAValueIsMadeOnceForEachRevision(t *testing.T) {
	c, made := recent.New[string, int](10, 100), 0
	find := func(revision uint64, err error) (int, error) {
		return c.FindAt("a", revision, func() (int, error) { made++; return made, err })
	}
	if _, err := find(7, errors.New("away")); err == nil || err.Error() != "away" {
		t.Errorf("error %v, want that of who makes it", err)
	}
	for i, revision := range []uint64{7, 7, 8, 8} {
		want := 2 + i/2 // the first was an error
		if v, err := find(revision, nil); err != nil || v != want {
			t.Errorf("revision %d: %d, %v, want %d", revision, v, err, want)
		}
	}
}

func TestWhatWasRemovedTakesNoRoom(t *testing.T) {
	c := recent.New[string, int](10, 10)
	c.Put("a", 1, 6)
	c.Remove("a")
	c.Remove("never there")
	if _, ok := c.Get("a"); ok {
		t.Error("a is there after it was removed")
	}
	c.Put("b", 2, 5)
	c.Put("c", 3, 5)
	if _, ok := c.Get("b"); !ok {
		t.Error("b is gone though there is room")
	}
}
