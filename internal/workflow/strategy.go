package workflow

import (
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// strategy reads {matrix, fail-fast, max-parallel} (MAT-1, MAT-3), and checks as much
// of the matrix as is known without a run.
func (r *reader) strategy(t *Token) *Token {
	before := r.found
	entries := list(mapOf(anything))
	s := record(
		prop("fail-fast", boolean),
		prop("max-parallel", number),
		prop("matrix", mapping(list(anything), []property{prop("include", entries), prop("exclude", entries)})),
	)(r, t, scope(needsContexts, ""))
	m := s.Get("matrix")
	if r.found > before || m == nil || m.Kind != Mapping {
		return s
	}
	for _, f := range readMatrix(known(m, s.computed())).faults {
		r.errorf(f.in(m), "%s", f.msg)
	}
	return s
}

// known is what is known of a matrix without a run. If the strategy has expressions,
// this is only the vectors without one, as on GitHub.
func known(m *Token, computed bool) expr.Value {
	if !computed {
		v, _ := m.Eval(nil) // no error without an expression
		return v
	}
	o := expr.NewObject()
	unknown := &expr.Array{Items: []expr.Value{nil}} // stands for a vector that may be right
	for _, p := range m.Pairs {
		key := strings.ToLower(p.Key.Text())
		switch {
		case key == "exclude":
		case key == "include" && p.Value.Kind == Sequence && len(p.Value.Items) == 0:
		case key == "include", p.Key.Kind != String, p.Value.computed():
			o.Set("${{ "+key+" }}", unknown)
		default:
			v, _ := p.Value.Eval(nil)
			o.Set(p.Key.Str, v)
		}
	}
	return o
}

// computed says whether there is an expression in the tree.
func (t *Token) computed() bool {
	return t.Kind == Expression || t.Kind == Insert || slices.ContainsFunc(t.Items, (*Token).computed) ||
		slices.ContainsFunc(t.Pairs, func(p Pair) bool { return p.Key.computed() || p.Value.computed() })
}

// in is the position of the fault in matrix t.
func (f fault) in(t *Token) Pos {
	pos := t.Pos
	for _, step := range f.place {
		if t.Kind == Sequence {
			i, _ := strconv.Atoi(step)
			t = t.Items[i]
			pos = t.Pos
			continue
		}
		i := slices.IndexFunc(t.Pairs, func(p Pair) bool { return strings.EqualFold(p.Key.Str, step) })
		pos, t = t.Pairs[i].Key.Pos, t.Pairs[i].Value
		if !f.isKey {
			pos = t.Pos
		}
	}
	return pos
}
