package plan

import (
	"errors"
	"fmt"

	"github.com/understudy-ci/understudy/internal/expr"
)

// maxCombinations bounds a matrix (MAT-1).
const maxCombinations = 256

// A combination is one job of a matrix. The zero value is that of a job
// without a matrix.
type combination struct {
	matrix *expr.Object // the matrix context
	base   *expr.Object // the part of it that shows in the name: no include extras
}

// A matrix is the parts of `matrix` in the order of the file.
type matrix struct {
	names    []string
	vectors  *expr.Object // name → *expr.Array
	excludes []*expr.Object
	includes []*include
}

// An include is an entry of `include`: what it adds, and to which combinations.
type include struct {
	filter, extra *expr.Object
	used          bool
}

// buildMatrix makes the combinations of a matrix (MAT-1). There are none when
// all are excluded.
func buildMatrix(v expr.Value) ([]combination, error) {
	m, err := readMatrix(v)
	if err != nil {
		return nil, err
	}
	product, err := m.size()
	if err != nil {
		return nil, err
	}
	var list []combination
	for i := range product {
		base := m.nth(i, product)
		if !m.excluded(base) {
			list = append(list, combination{m.extend(base), base})
		}
	}
	for _, in := range m.includes {
		if in.used {
			continue
		}
		own := expr.NewObject()
		copyInto(own, in.filter)
		copyInto(own, in.extra)
		list = append(list, combination{own, own})
	}
	if len(list) > maxCombinations {
		return nil, fmt.Errorf("the matrix has %d jobs; at most %d are allowed", len(list), maxCombinations)
	}
	return list, nil
}

func readMatrix(v expr.Value) (*matrix, error) {
	o, ok := v.(*expr.Object)
	if !ok {
		return nil, errors.New("the matrix must be a mapping")
	}
	m := &matrix{vectors: expr.NewObject()}
	var include, exclude expr.Value
	for name, v := range o.All() {
		switch key(name) {
		case "include":
			include = v
			continue
		case "exclude":
			exclude = v
			continue
		}
		values, ok := v.(*expr.Array)
		switch {
		case !ok:
			return nil, fmt.Errorf("matrix vector '%s' is not a sequence", name)
		case len(values.Items) == 0:
			return nil, fmt.Errorf("matrix vector '%s' does not contain any values", name)
		}
		m.names = append(m.names, name)
		m.vectors.Set(name, values)
	}
	if err := m.readIncludes(include); err != nil {
		return nil, err
	}
	if err := m.readExcludes(exclude); err != nil {
		return nil, err
	}
	if len(m.names) == 0 && len(m.includes) == 0 {
		return nil, errors.New("the matrix must define at least one vector")
	}
	return m, nil
}

// entries are the mappings in include or exclude; none if it is absent.
func entries(name string, v expr.Value) ([]*expr.Object, error) {
	if v == nil {
		return nil, nil
	}
	values, ok := v.(*expr.Array)
	if !ok {
		return nil, fmt.Errorf("matrix %s is not a sequence", name)
	}
	list := make([]*expr.Object, 0, len(values.Items))
	for _, v := range values.Items {
		o, ok := v.(*expr.Object)
		switch {
		case !ok:
			return nil, fmt.Errorf("an entry of matrix %s is not a mapping", name)
		case o.Len() == 0:
			return nil, fmt.Errorf("an entry of matrix %s does not contain any values", name)
		}
		list = append(list, o)
	}
	return list, nil
}

func (m *matrix) readIncludes(v expr.Value) error {
	list, err := entries("include", v)
	if err != nil {
		return err
	}
	for _, o := range list {
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
	return nil
}

func (m *matrix) readExcludes(v expr.Value) (err error) {
	if m.excludes, err = entries("exclude", v); err != nil {
		return err
	}
	for _, o := range m.excludes {
		for name := range o.All() {
			if _, isVector := m.vectors.Get(name); !isVector {
				return fmt.Errorf("matrix exclude key '%s' does not match any key within the matrix", name)
			}
		}
	}
	return nil
}

// maxWork bounds the pairs of combination and filter that are compared. The
// product may be large as long as excludes make it small.
const maxWork = 1_000_000

// size is the number of combinations before excludes.
func (m *matrix) size() (int, error) {
	if len(m.names) == 0 {
		return 0, nil
	}
	product := 1
	for _, v := range m.vectors.All() {
		product *= len(v.(*expr.Array).Items)
		if product*(1+len(m.excludes)+len(m.includes)) > maxWork {
			return 0, fmt.Errorf("the matrix has too many combinations; at most %d jobs are allowed", maxCombinations)
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

// matches reports whether every leaf of filter is loosely equal (EXP-6) to
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
