package actions_test

import (
	"slices"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestKeysOfOIDCTokensTakeTurns(t *testing.T) {
	now := time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	key := func(id string, from time.Duration) *actions.SigningKey {
		return &actions.SigningKey{ID: id, SignsFrom: now.Add(from)}
	}
	const day = 24 * time.Hour
	ids := func(ks actions.SigningKeys) (ids []string) {
		for _, k := range ks {
			ids = append(ids, k.ID)
		}
		return ids
	}
	for _, test := range []struct {
		name      string
		keys      actions.SigningKeys
		signing   string
		published []string
		due       bool
		from      time.Duration
	}{
		{"none", nil, "", nil, true, -time.Hour},
		{"a new one", actions.SigningKeys{key("a", 0)}, "a", []string{"a"}, false, 0},
		{"an old one", actions.SigningKeys{key("a", -89*day)}, "a", []string{"a"}, true, day},
		{"a very old one", actions.SigningKeys{key("a", -1000*day)}, "a", []string{"a"}, true, day},
		{"an old one and its next", actions.SigningKeys{key("a", -90*day), key("b", time.Hour)}, "a", []string{"a", "b"}, false, 0},
		{"one that was replaced just now", actions.SigningKeys{key("a", -90*day), key("b", -time.Minute)}, "b", []string{"a", "b"}, false, 0},
		{"one that was replaced before", actions.SigningKeys{key("a", -90*day), key("b", -66*time.Minute)}, "b", []string{"b"}, false, 0},
		{"one that is to sign, and nothing that does", actions.SigningKeys{key("b", time.Hour)}, "", []string{"b"}, true, -time.Hour},
	} {
		signing := ""
		if k := test.keys.Signing(now); k != nil {
			signing = k.ID
		}
		from, due := test.keys.Next(now)
		if published := ids(test.keys.Published(now)); signing != test.signing || !slices.Equal(published, test.published) || due != test.due {
			t.Errorf("%s: %q signs, published are %v, another is due: %t", test.name, signing, published, due)
		}
		if due && !from.Equal(now.Add(test.from)) {
			t.Errorf("%s: the next one signs in %v, want %v", test.name, from.Sub(now), test.from)
		}
		if got := test.keys.With(key("new", 0)); !slices.IsSortedFunc(got, func(a, b *actions.SigningKey) int { return a.SignsFrom.Compare(b.SignsFrom) }) || len(got) != len(test.keys)+1 {
			t.Errorf("%s: with a new one %v", test.name, ids(got))
		}
	}
}
