package server

import (
	"math"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Size is a number of bytes as operators write it: 500MB, 10GiB, 1048576.
type Size int64

// sizes are sizes as numbers.
func sizes(of map[string]Size) map[string]int64 {
	all := make(map[string]int64, len(of))
	for name, n := range of {
		all[name] = int64(n)
	}
	return all
}

// sizeUnits are the units by their names in lower case. KB is 1000 bytes, KiB 1024.
var sizeUnits = map[string]float64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error {
	number := strings.TrimRight(string(text), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToLower(strings.TrimSpace(strings.TrimPrefix(string(text), number)))
	n, err := strconv.ParseFloat(number, 64)
	factor, ok := sizeUnits[unit]
	if bytes := n * factor; err == nil && ok && bytes >= 0 && bytes < math.MaxInt64 {
		*s = Size(bytes)
		return nil
	}
	return actions.Errorf(actions.Invalid, "%q is not a size such as 500MB or 10GiB", text)
}
