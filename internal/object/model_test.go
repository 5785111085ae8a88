package object_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A model is what an object must be after so many calls.
type model struct {
	blocks map[string][]byte // by name
	list   []string
	listed map[string][]byte
}

// Threat: partial or out-of-order block upload, repeated block ids, commit listing unknown blocks
//
// Random calls in random order: the object is always what the rules say.
func TestObjectsFollowTheRulesWhateverIsCalled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := newFixture(t, st)
		f.run()
		for range 60 {
			seed := rand.Uint64()
			if !t.Run("", func(t *testing.T) {
				t.Logf("seed %d", seed)
				f.t = t
				f.random(rand.New(rand.NewPCG(seed, 0)))
			}) {
				return
			}
		}
	})
}

func FuzzObjectsFollowTheRules(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) {
		fx := newFixture(t, storetest.Open(t))
		fx.run()
		fx.random(rand.New(rand.NewPCG(seed, 0)))
	})
}

func (f *fixture) random(r *rand.Rand) {
	m := model{blocks: make(map[string][]byte)}
	id := f.begin()
	for range 5 + r.IntN(25) {
		switch r.IntN(6) {
		case 0, 1, 2, 3:
			f.randomPut(r, id, &m)
		case 4:
			f.randomList(r, id, &m)
		case 5:
			if _, err := f.Finish(f.t.Context(), id); m.listed == nil {
				f.is(actions.Conflict, err)
			} else {
				f.ok(err)
			}
		}
	}
	if m.listed == nil {
		f.drop(id)
		f.nothingLeft()
		return
	}
	var want []byte
	for _, name := range m.list {
		want = append(want, m.listed[name]...)
	}
	f.holds(id, f.seal(id), want)
	f.wantBlobs(len(m.listed))
	f.drop(id)
	f.nothingLeft()
}

func (f *fixture) randomPut(r *rand.Rand, id int64, m *model) {
	name, content := azureID(r.IntN(8)), bytesOf(r.IntN(100), r.IntN(50_000))
	err := f.PutBlock(f.t.Context(), id, name, bytes.NewReader(content), int64(len(content)))
	if _, ok := m.listed[name]; ok {
		f.is(actions.Conflict, err)
		return
	}
	f.ok(err)
	m.blocks[name] = content
}

func (f *fixture) randomList(r *rand.Rand, id int64, m *model) {
	var names []string
	for range r.IntN(10) {
		names = append(names, azureID(r.IntN(8)))
	}
	if r.IntN(3) > 0 { // one that works
		names = slices.DeleteFunc(names, func(name string) bool { return m.blocks[name] == nil })
	}
	err := f.Commit(f.t.Context(), id, names)
	listed := make(map[string][]byte)
	for _, name := range names {
		content, ok := m.blocks[name]
		if !ok {
			f.is(actions.Malformed, err)
			return
		}
		listed[name] = content
	}
	f.ok(err)
	m.list, m.listed, m.blocks = names, listed, maps.Clone(listed)
}
