package gitrepo

import (
	"bytes"
	"encoding/hex"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
)

// An oid is the name of an object, in as little memory as it takes: a client may name
// a hundred thousand.
type oid [20]byte

func (o oid) String() string { return hex.EncodeToString(o[:]) }

// parseOID reads a name in hexadecimal, in any case.
func parseOID[T string | []byte](text T) (o oid, ok bool) {
	if len(text) != len(actions.ZeroSHA) {
		return o, false
	}
	_, err := hex.Decode(o[:], []byte(text))
	return o, err == nil
}

// wants are the objects that somebody asks for, less those that were struck off.
type wants struct {
	names []oid // sorted, each once
	off   []bool
	left  int
}

// newWants takes over the names.
func newWants(names []oid) *wants {
	slices.SortFunc(names, compareOIDs)
	names = slices.Compact(names)
	return &wants{names, make([]bool, len(names)), len(names)}
}

func compareOIDs(a, b oid) int { return bytes.Compare(a[:], b[:]) }

// strike strikes off an object.
func (w *wants) strike(o oid) {
	if i, ok := slices.BinarySearchFunc(w.names, o, compareOIDs); ok && !w.off[i] {
		w.off[i] = true
		w.left--
	}
}

// rest are those that are left.
func (w *wants) rest() []oid {
	list := make([]oid, 0, w.left)
	for i, o := range w.names {
		if !w.off[i] {
			list = append(list, o)
		}
	}
	return list
}

// lines are names as git reads them, each behind what stands before it.
func lines(before string, names []oid) string {
	b := make([]byte, 0, len(names)*(len(before)+len(actions.ZeroSHA)+1))
	for _, o := range names {
		b = append(hex.AppendEncode(append(b, before...), o[:]), '\n')
	}
	return string(b)
}
