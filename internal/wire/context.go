package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// ContextData is the contexts of a job by name: github, needs, matrix … Each
// value is nil, a bool, float64 or string, a *[ContextArray] or a
// *[ContextDict].
type ContextData map[string]any

// A ContextArray is an array of context values.
type ContextArray struct{ Items []any }

// A ContextDict maps names to context values, in order. Names are equal in any
// case unless CaseSensitive is set. Pairs may be read and its values changed;
// [ContextDict.Set] adds to it.
type ContextDict struct {
	CaseSensitive bool
	Pairs         []ContextPair
	index         map[string]int // folded name → position; kept by Set, nil while the dictionary is small
}

// A ContextPair is an entry of a [ContextDict].
type ContextPair struct {
	Key   string
	Value any
}

const smallDict = 8 // up to here a search is as fast as a map

// Get is the value of key and whether there is one. A nil dictionary has none.
func (d *ContextDict) Get(key string) (any, bool) {
	if d == nil {
		return nil, false
	}
	if i := d.find(key); i >= 0 {
		return d.Pairs[i].Value, true
	}
	return nil, false
}

// Set gives key the value. A key that is there already keeps its position.
func (d *ContextDict) Set(key string, value any) {
	if i := d.find(key); i >= 0 {
		d.Pairs[i].Value = value
		return
	}
	d.Pairs = append(d.Pairs, ContextPair{key, value})
	switch n := len(d.Pairs); {
	case d.index != nil:
		d.index[d.fold(key)] = n - 1
	case n > smallDict:
		d.index = make(map[string]int, 2*n)
		for i, p := range slices.Backward(d.Pairs) {
			d.index[d.fold(p.Key)] = i
		}
	}
}

// find only reads, so that many may call Get at once.
func (d *ContextDict) find(key string) int {
	key = d.fold(key)
	if d.index != nil {
		if i, ok := d.index[key]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(d.Pairs, func(p ContextPair) bool { return d.fold(p.Key) == key })
}

func (d *ContextDict) fold(key string) string {
	if d.CaseSensitive {
		return key
	}
	return lower(key)
}

// usualContexts is room for the contexts of most jobs, in bytes.
const usualContexts = 16 << 10

// MarshalJSON implements [json.Marshaler].
func (c ContextData) MarshalJSON() ([]byte, error) { return c.append(make([]byte, 0, usualContexts)) }

func (c ContextData) append(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(c)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(b, name); err != nil {
			return nil, err
		}
		if b, err = appendContext(append(b, ':'), c[name], 0); err != nil {
			return nil, fmt.Errorf("context %s: %w", name, err)
		}
	}
	return append(b, '}'), nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (c *ContextData) UnmarshalJSON(b []byte) error {
	r := newReader(b)
	t, err := r.next()
	switch {
	case err != nil:
		return fmt.Errorf("context data: %w", err)
	case t == nil:
		*c = nil
		return nil
	case t != json.Delim('{'):
		return errors.New("context data is not an object")
	}
	m := ContextData{}
	err = r.object(func(name string) (err error) {
		m[name], err = r.context()
		return err
	})
	if err != nil {
		return fmt.Errorf("context data: %w", err)
	}
	*c = m
	return nil
}

// MarshalJSON implements [json.Marshaler], in the form of the protocol.
func (d *ContextDict) MarshalJSON() ([]byte, error) { return appendContext(nil, d, 0) }

// MarshalJSON implements [json.Marshaler], in the form of the protocol.
func (a *ContextArray) MarshalJSON() ([]byte, error) { return appendContext(nil, a, 0) }

func appendContext(b []byte, v any, depth int) (_ []byte, err error) {
	if depth > MaxDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case float64:
		return appendNumber(b, v)
	case string:
		return appendString(b, v)
	case *ContextArray:
		b = append(b, `{"t":1`...)
		for i, item := range v.Items {
			b = append(b, separator(i, `,"a":[`)...)
			if b, err = appendContext(b, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, closing(len(v.Items))...), nil
	case *ContextDict:
		b = append(b, `{"t":2`...)
		if v.CaseSensitive {
			b[len(b)-1] = '5'
		}
		for i, p := range v.Pairs {
			b = append(b, separator(i, `,"d":[`)...)
			if b, err = appendString(append(b, `{"k":`...), p.Key); err != nil {
				return nil, err
			}
			if b, err = appendContext(append(b, `,"v":`...), p.Value, depth+1); err != nil {
				return nil, err
			}
			b = append(b, '}')
		}
		return append(b, closing(len(v.Pairs))...), nil
	}
	return nil, fmt.Errorf("%T is not a context value", v)
}

func separator(i int, first string) string {
	if i == 0 {
		return first
	}
	return ","
}

func closing(n int) string {
	if n == 0 {
		return "}"
	}
	return "]}"
}

// Types of context data.
const (
	contextString        = 0
	contextArray         = 1
	contextDict          = 2
	contextBool          = 3
	contextNumber        = 4
	contextCaseSensitive = 5
)

func (r *reader) context() (any, error) {
	t, err := r.next()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('{') {
		if d, ok := t.(json.Delim); ok {
			return nil, fmt.Errorf("at offset %d: unexpected %s", r.dec.InputOffset(), d)
		}
		return t, nil
	}
	var v contextObject
	if err := r.object(func(name string) error { return r.contextMember(&v, lower(name)) }); err != nil {
		return nil, err
	}
	switch v.kind {
	case contextString:
		return v.text, nil
	case contextBool:
		return v.bool, nil
	case contextNumber:
		return v.number, nil
	case contextArray:
		return &ContextArray{v.items}, nil
	case contextDict, contextCaseSensitive:
		d := &ContextDict{CaseSensitive: v.kind == contextCaseSensitive}
		d.Pairs = make([]ContextPair, 0, len(v.pairs))
		for _, p := range v.pairs {
			d.Set(p.Key, p.Value)
		}
		return d, nil
	}
	return nil, fmt.Errorf("unknown type %d of context data", v.kind)
}

type contextObject struct {
	kind   int
	text   string
	bool   bool
	number float64
	items  []any
	pairs  []ContextPair
}

func (r *reader) contextMember(v *contextObject, name string) error {
	switch name {
	case "t":
		return r.into(&v.kind)
	case "s":
		return r.into(&v.text)
	case "b":
		return r.into(&v.bool)
	case "n":
		return r.into(&v.number)
	case "a":
		return r.list(func() error {
			item, err := r.context()
			v.items = append(v.items, item)
			return err
		})
	case "d":
		return r.list(func() error {
			p, err := r.contextPair()
			v.pairs = append(v.pairs, p)
			return err
		})
	}
	return r.skip()
}

func (r *reader) contextPair() (p ContextPair, err error) {
	t, err := r.next()
	if err != nil {
		return p, err
	}
	if t != json.Delim('{') {
		return p, fmt.Errorf("at offset %d: an entry of a dictionary is not an object", r.dec.InputOffset())
	}
	err = r.object(func(name string) (err error) {
		switch lower(name) {
		case "k":
			err = r.into(&p.Key)
		case "v":
			p.Value, err = r.context()
		default:
			err = r.skip()
		}
		return err
	})
	return p, err
}

// ContextToJSON writes a context value as ordinary JSON. The order of names is kept.
func ContextToJSON(v any) ([]byte, error) { return appendPlain(nil, v, 0) }

func appendPlain(b []byte, v any, depth int) (_ []byte, err error) {
	if depth > MaxDepth {
		return nil, errDepth
	}
	switch v := v.(type) {
	case *ContextArray:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendPlain(b, item, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case *ContextDict:
		b = append(b, '{')
		for i, p := range v.Pairs {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendString(b, p.Key); err != nil {
				return nil, err
			}
			if b, err = appendPlain(append(b, ':'), p.Value, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	}
	return appendContext(b, v, depth)
}
