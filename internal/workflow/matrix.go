package workflow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// MaxCombinations is how many jobs a matrix may make (MAT-1).
const MaxCombinations = 256

// maxMatrixWork bounds the pairs of combination and filter that are compared. The
// product of the vectors may be large as long as excludes make it small.
const maxMatrixWork = 1_000_000

// A Combination is one job of a matrix. The zero value is that of a job without a
// matrix.
type Combination struct {
	Matrix *expr.Object // the matrix context
	Base   *expr.Object // the part of it that shows in the name: no include extras
}

// A matrix is the parts of `matrix` in the order of the file.
type matrix struct {
	vectors  *expr.Object // name → *expr.Array
	excludes []*expr.Object
	includes []*include
	faults   []fault
}

// An include is an entry of `include`: what it adds, and to which combinations.
type include struct {
	filter, extra *expr.Object
	used          bool
}

// A fault is something that is wrong with a matrix.
type fault struct {
	msg   string
	place []string // the keys and indexes that lead to it
	isKey bool     // the last of these is wrong, not its value
}

// Combinations are those of a matrix whose expressions have been evaluated (MAT-1).
// There are none when all are excluded.
func Combinations(v expr.Value) ([]Combination, error) {
	m := readMatrix(v)
	if len(m.faults) > 0 {
		return nil, errors.New(m.faults[0].msg)
	}
	product, err := m.size()
	if err != nil {
		return nil, err
	}
	var list []Combination
	for i := range product {
		base := m.nth(i, product)
		if !m.excluded(base) {
			list = append(list, Combination{m.extend(base), base})
		}
	}
	for _, in := range m.includes {
		if in.used {
			continue
		}
		own := expr.NewObject()
		copyInto(own, in.filter)
		copyInto(own, in.extra)
		list = append(list, Combination{own, own})
	}
	if len(list) > MaxCombinations {
		return nil, fmt.Errorf("the matrix has %d jobs; at most %d are allowed", len(list), MaxCombinations)
	}
	return list, nil
}

// readMatrix reads the parts, and notes what is wrong with them.
func readMatrix(v expr.Value) *matrix {
	m := &matrix{vectors: expr.NewObject()}
	o, ok := v.(*expr.Object)
	if !ok {
		m.wrong("The matrix is not a mapping")
		return m
	}
	var include, exclude expr.Value
	for name, v := range o.All() {
		switch strings.ToLower(name) {
		case "include":
			include = v
		case "exclude":
			exclude = v
		default:
			m.readVector(name, v)
		}
	}
	m.readIncludes(include)
	m.readExcludes(exclude)
	if m.vectors.Len() == 0 && len(m.includes) == 0 && len(m.faults) == 0 {
		m.wrong("Matrix must define at least one vector")
	}
	return m
}

func (m *matrix) wrong(msg string, place ...string) {
	m.faults = append(m.faults, fault{msg: msg, place: place})
}

func (m *matrix) readVector(name string, v expr.Value) {
	values, ok := v.(*expr.Array)
	switch {
	case !ok:
		m.wrong("Matrix vector '"+name+"' is not a sequence", name)
	case len(values.Items) == 0:
		m.wrong("Matrix vector '"+name+"' does not contain any values", name)
	}
	if ok {
		m.vectors.Set(name, values)
	}
}

// entries are those of include or exclude, none if it is absent. An entry that is
// wrong is nil.
func (m *matrix) entries(name string, v expr.Value, empty string) []*expr.Object {
	if v == nil {
		return nil
	}
	values, ok := v.(*expr.Array)
	if !ok {
		m.wrong("Matrix "+name+" is not a sequence", name)
		return nil
	}
	list := make([]*expr.Object, len(values.Items))
	for i, v := range values.Items {
		o, ok := v.(*expr.Object)
		switch {
		case !ok:
			m.wrong("An entry of matrix "+name+" is not a mapping", name, strconv.Itoa(i))
		case o.Len() == 0:
			m.wrong(empty, name, strconv.Itoa(i))
		default:
			list[i] = o
		}
	}
	return list
}

func (m *matrix) readIncludes(v expr.Value) {
	for _, o := range m.entries("include", v, "Matrix include mapping does not contain any values") {
		in := &include{filter: expr.NewObject(), extra: expr.NewObject()}
		for name, v := range o.All() {
			if _, isVector := m.vectors.Get(name); isVector {
				in.filter.Set(name, v)
			} else {
				in.extra.Set(name, v)
			}
		}
		m.includes = append(m.includes, in)
	}
}

func (m *matrix) readExcludes(v expr.Value) {
	m.excludes = m.entries("exclude", v, "Matrix exclude filter must not be empty")
	for i, o := range m.excludes {
		for name := range o.All() {
			if _, isVector := m.vectors.Get(name); !isVector {
				m.faults = append(m.faults, fault{
					msg:   "Matrix exclude key '" + name + "' does not match any key within the matrix",
					place: []string{"exclude", strconv.Itoa(i), name}, isKey: true,
				})
			}
		}
	}
}

// size is the number of combinations before excludes.
func (m *matrix) size() (int, error) {
	if m.vectors.Len() == 0 {
		return 0, nil
	}
	product := 1
	for _, v := range m.vectors.All() {
		product *= len(v.(*expr.Array).Items)
		if product*(1+len(m.excludes)+len(m.includes)) > maxMatrixWork {
			return 0, fmt.Errorf("the matrix has too many combinations; at most %d jobs are allowed", MaxCombinations)
		}
	}
	return product, nil
}

// nth is combination i of the product, the first name changing slowest.
func (m *matrix) nth(i, product int) *expr.Object {
	o := expr.NewObject()
	for name, v := range m.vectors.All() {
		values := v.(*expr.Array).Items
		product /= len(values)
		o.Set(name, values[i/product%len(values)])
	}
	return o
}

func (m *matrix) excluded(base *expr.Object) bool {
	for _, filter := range m.excludes {
		if matches(base, filter) {
			return true
		}
	}
	return false
}

// extend adds the extras of all includes that fit to a copy of base.
func (m *matrix) extend(base *expr.Object) *expr.Object {
	o := expr.NewObject()
	copyInto(o, base)
	for _, in := range m.includes {
		if matches(base, in.filter) {
			in.used = true
			copyInto(o, in.extra)
		}
	}
	return o
}

func copyInto(to, from *expr.Object) {
	for name, v := range from.All() {
		to.Set(name, v)
	}
}

// matches says whether every leaf of filter is loosely equal (EXP-6) to
// what v has at its position.
func matches(v, filter expr.Value) bool {
	switch f := filter.(type) {
	case *expr.Object:
		o, _ := v.(*expr.Object)
		for name, want := range f.All() {
			got, _ := o.Get(name)
			if !matches(got, want) {
				return false
			}
		}
		return true
	case *expr.Array:
		a, _ := v.(*expr.Array)
		for i, want := range f.Items {
			var got expr.Value
			if a != nil && i < len(a.Items) {
				got = a.Items[i]
			}
			if !matches(got, want) {
				return false
			}
		}
		return true
	}
	return expr.Equal(v, filter)
}
