package convert

import (
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/wire"
)

// ContextToWire is a value of a context as runners read it (MSG-3).
func ContextToWire(v expr.Value) any {
	switch v := v.(type) {
	case *expr.Array:
		out := &wire.ContextArray{Items: make([]any, 0, len(v.Items))}
		for _, item := range v.Items {
			out.Items = append(out.Items, ContextToWire(item))
		}
		return out
	case *expr.Object:
		out := &wire.ContextDict{CaseSensitive: v.CaseSensitive(), Pairs: make([]wire.ContextPair, 0, v.Len())}
		for key, value := range v.All() {
			out.Pairs = append(out.Pairs, wire.ContextPair{Key: key, Value: ContextToWire(value)})
		}
		return out
	}
	return v
}

// ContextFromWire is context data of the job message as a value of expressions.
func ContextFromWire(data any) expr.Value {
	switch v := data.(type) {
	case *wire.ContextArray:
		if v == nil {
			return nil
		}
		array := &expr.Array{Items: make([]expr.Value, 0, len(v.Items))}
		for _, item := range v.Items {
			array.Items = append(array.Items, ContextFromWire(item))
		}
		return array
	case *wire.ContextDict:
		if v == nil {
			return nil
		}
		object := expr.NewObject()
		if v.CaseSensitive {
			object = expr.NewCaseSensitiveObject()
		}
		for _, pair := range v.Pairs {
			object.Set(pair.Key, ContextFromWire(pair.Value))
		}
		return object
	}
	return data
}
