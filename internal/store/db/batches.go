package db

import (
	"iter"
	"strconv"
	"strings"
)

// batchSizes are how many placeholders a list of values gets: few sizes, so that
// there are few texts, each of which is prepared once.
var batchSizes = [...]int{1, 8, 64, 512}

// Batches cuts a list into pieces for `in (…)`. It yields the arguments of one
// statement each, first and then the piece, and the placeholders of the piece. The
// last value of a piece may come repeatedly.
func Batches[T any](list []T, first ...any) iter.Seq2[[]any, string] {
	return func(yield func([]any, string) bool) {
		for len(list) > 0 {
			size := batchSizes[len(batchSizes)-1]
			for _, s := range batchSizes {
				if len(list) <= s {
					size = s
					break
				}
			}
			args := append(make([]any, 0, len(first)+size), first...)
			for i := range size {
				args = append(args, list[min(i, len(list)-1)])
			}
			if !yield(args, placeholders(len(first)+1, size)) {
				return
			}
			list = list[min(size, len(list)):]
		}
	}
}

// insertSizes are how many rows an insert has: few sizes, the largest first, and not
// large, since the time in which the SQLite driver binds the values grows with the
// square of their number.
var insertSizes = [...]int{8, 1}

// Inserts cuts a list into pieces for `insert … values …`, of as many columns as
// said. It yields each piece and the placeholders of its rows.
func Inserts[T any](list []T, columns int) iter.Seq2[[]T, string] {
	return func(yield func([]T, string) bool) {
		for _, size := range insertSizes {
			if len(list) < size {
				continue
			}
			var b strings.Builder
			for i := range size {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString("(" + placeholders(i*columns+1, columns) + ")")
			}
			for values := b.String(); len(list) >= size; list = list[size:] {
				if !yield(list[:size], values) {
					return
				}
			}
		}
	}
}

// placeholders are n placeholders from $first on, with commas.
func placeholders(first, n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('$')
		b.WriteString(strconv.Itoa(first + i))
	}
	return b.String()
}
