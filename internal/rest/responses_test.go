package rest

import (
	"testing"
	"time"
)

func TestLeastUsedAnswersAreForgottenFirst(t *testing.T) {
	now := time.Now()
	s := newResponses(10 * (1000 + 513))
	key := func(i int) responseKey { return responseKey{repoID: 1, path: string(rune('a' + i))} }
	for i := range 10 {
		s.put(&response{key: key(i), generation: 1, body: make([]byte, 1000)})
	}
	if s.get(key(0), 1, now) == nil {
		t.Fatal("the first was forgotten before there was need")
	}
	s.put(&response{key: key(10), generation: 1, body: make([]byte, 1000)})
	if s.get(key(1), 1, now) != nil || s.get(key(0), 1, now) == nil || s.get(key(10), 1, now) == nil {
		t.Error("not the least used answer was forgotten")
	}
	s.put(&response{key: key(11), body: make([]byte, maxOne)})
	if s.get(key(11), 0, now) != nil {
		t.Error("an answer that is too large was remembered")
	}
	if s.get(key(0), 2, now) != nil || s.get(key(0), 1, now) != nil {
		t.Error("an old answer was given, or kept")
	}
	if s.size != 9*(1000+513) || len(s.byKey) != 9 || s.order.Len() != 9 {
		t.Errorf("size %d, %d keys, %d entries", s.size, len(s.byKey), s.order.Len())
	}
}
