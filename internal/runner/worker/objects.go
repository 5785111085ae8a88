package worker

import "github.com/understudy-ci/understudy/internal/expr"

// clone is a copy of an object whose entries can be changed without changing
// the original's. A nil object gives an empty one.
func clone(o *expr.Object) *expr.Object {
	c := expr.NewObject()
	if o == nil {
		return c
	}
	if o.CaseSensitive() {
		c = expr.NewCaseSensitiveObject()
	}
	for k, v := range o.All() {
		c.Set(k, v)
	}
	return c
}

// text is the string at a key, "" for anything that prints as nothing.
func text(o *expr.Object, key string) string {
	v, _ := o.Get(key)
	return expr.String(v)
}

// object is the object at a key, nil for anything else.
func object(o *expr.Object, key string) *expr.Object {
	v, _ := o.Get(key)
	found, _ := v.(*expr.Object)
	return found
}
