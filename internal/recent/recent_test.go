package recent_test

import (
	"strconv"
	"testing"

	"github.com/understudy-ci/understudy/internal/recent"
)

func TestTheOldestIsForgottenWhenThereAreTooMany(t *testing.T) {
	c := recent.New[int, string](3, 100)
	for i := range 5 {
		c.Put(i, strconv.Itoa(i), 1)
	}
	for i, want := range []bool{false, false, true, true, true} {
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

func TestTheFirstValueOfAKeyStays(t *testing.T) {
	c := recent.New[string, int](10, 10)
	c.Put("a", 1, 6)
	c.Put("a", 2, 6)
	if v, _ := c.Get("a"); v != 1 {
		t.Errorf("got %d, want 1", v)
	}
	c.Put("b", 3, 4)
	if _, ok := c.Get("a"); !ok {
		t.Error("a counted twice")
	}
}
