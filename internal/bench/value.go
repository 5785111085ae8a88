package bench

import (
	"fmt"
	"time"
)

// A Value is a number of a row by which two programs are compared.
type Value struct {
	What string // in few words; the same for both programs
	N    float64
	Unit string // "ms", "/s", "MB/s", "MB" or "×"
	More bool   // whether more is better

	Ratio float64 // what the newer's share of the older's must reach; 0: [tolerated]
	Limit float64 // what the newer must keep by itself, whatever the older does; 0: nothing
}

// tolerated is how much worse than the older program a value may be where
// nothing else is asked for.
const tolerated = 0.10

// cost is a time, of which less is better.
func cost(what string, d time.Duration) Value {
	return Value{What: what, N: float64(d) / float64(time.Millisecond), Unit: "ms"}
}

// held is memory or room, of which less is better.
func held(what string, bytes int64) Value {
	return Value{What: what, N: float64(bytes) / mb, Unit: "MB"}
}

// speed is so many in a unit of time, of which more is better.
func speed(what string, n float64, unit string) Value {
	return Value{What: what, N: n, Unit: unit, More: true}
}

// goal is the ratio that must be reached.
func (v Value) goal() float64 {
	switch {
	case v.Ratio != 0:
		return v.Ratio
	case v.More:
		return 1 - tolerated
	}
	return 1 + tolerated
}

// text is a number of this kind as people read it.
func (v Value) text(n float64) string {
	digits := 0
	switch {
	case n < 1:
		digits = 3
	case n < 10:
		digits = 2
	case n < 100:
		digits = 1
	}
	unit := v.Unit
	if v.Unit != "" && v.Unit != "×" && v.Unit[0] != '/' {
		unit = " " + unit
	}
	return fmt.Sprintf("%.*f%s", digits, n, unit)
}
