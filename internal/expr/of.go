package expr

import (
	"reflect"
	"slices"
	"strings"
)

// Of makes a value of a Go value: scalars, slices, maps with keys that are
// strings (in the order of their keys), pointers to such, and values. Anything
// else is null.
func Of(v any) Value {
	switch v := v.(type) {
	case nil, bool, float64, string, *Array, *Object:
		return v
	case int:
		return float64(v)
	case int64:
		return float64(v)
	}
	return reflected(reflect.ValueOf(v))
}

func reflected(v reflect.Value) Value {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return float64(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return float64(v.Uint())
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		a := &Array{Items: make([]Value, v.Len())}
		for i := range a.Items {
			a.Items[i] = Of(v.Index(i).Interface())
		}
		return a
	case reflect.Map:
		return reflectedMap(v)
	case reflect.Pointer:
		if !v.IsNil() {
			return Of(v.Elem().Interface())
		}
	}
	return nil
}

func reflectedMap(v reflect.Value) Value {
	if v.Type().Key().Kind() != reflect.String {
		return nil
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	o := NewObject()
	for _, k := range keys {
		o.Set(k.String(), Of(v.MapIndex(k).Interface()))
	}
	return o
}
