package db

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A List is rows of a table that conditions narrow, and that are read by the page.
// Each method returns another list and leaves its own as it is, so a table has one:
//
//	var runs = List[*actions.Run]{Table: `runs r`, ID: `r.id`, Columns: …, Joins: …, Scan: scanRun}
//
//	return runs.Where(`r.repo_id = ?`, repo).Narrow(`r.event = ?`, event).Order(`r.id desc`).Page(ctx, q, page)
//
// A page is cut out of the ids, so that the rows before it are passed over in the
// index that the conditions lead to; all else is read for the rows of the page alone.
type List[T any] struct {
	Table   string // what the conditions and the order are about
	ID      string // the column that tells its rows apart
	Columns string // what Scan reads
	Joins   string // what only Columns need
	Scan    func(Row) (T, error)

	where, order string
	args         []any
	most         int    // rows in all pages; 0 for no limit
	counter      string // "" when rows are counted
	counted      []any  // its arguments
}

// Where keeps the rows that fit a condition. Each ? in it stands for the next argument.
func (l List[T]) Where(condition string, args ...any) List[T] {
	if l.where != "" {
		l.where += " and "
	}
	l.where += Numbered(condition, len(l.args)+1)
	l.args = append(slices.Clip(l.args), args...)
	return l
}

// Numbered gives each ? of a condition the number of its argument, from first on.
func Numbered(condition string, first int) string {
	var b strings.Builder
	for {
		before, after, more := strings.Cut(condition, "?")
		b.WriteString(before)
		if !more {
			return b.String()
		}
		b.WriteString("$" + strconv.Itoa(first))
		condition = after
		first++
	}
}

// Narrow is Where for a value that was asked for, and nothing for one that is zero.
func (l List[T]) Narrow(condition string, arg any) List[T] {
	if reflect.ValueOf(arg).IsZero() {
		return l
	}
	return l.Where(condition, arg)
}

// Order says which rows come first: columns of Table that decide between any two.
func (l List[T]) Order(columns string) List[T] {
	l.order = columns
	return l
}

// Most ends the list after its first n rows: there are no pages beyond them, and they
// are not counted further.
func (l List[T]) Most(n int) List[T] {
	l.most = n
	return l
}

// Counter says which statement knows how many rows there are, so that Page does
// not count them. One without a row stands for 0.
func (l List[T]) Counter(text string, args ...any) List[T] {
	l.counter, l.counted = text, args
	return l
}

// Page returns one page of the list, and how many rows all pages have.
func (l List[T]) Page(ctx context.Context, q Querier, p actions.Page) ([]T, int, error) {
	return l.Slice(ctx, q, p.Offset(), p.Size)
}

// Slice returns up to length rows of the list behind the first offset ones, and how many
// rows the whole list has.
func (l List[T]) Slice(ctx context.Context, q Querier, offset, length int) ([]T, int, error) {
	n, size := len(l.args), length
	if l.most > 0 {
		size = max(min(size, l.most-offset), 0)
	}
	var rows []T
	if size > 0 {
		var err error
		rows, err = All(ctx, q, l.Scan, l.text(l.ID+` in (select `+l.ID+` from `+l.Table+` where `+l.where+` order by `+l.order+
			` limit $`+strconv.Itoa(n+1)+` offset $`+strconv.Itoa(n+2)+`)`), append(slices.Clip(l.args), size, offset)...)
		if err != nil {
			return nil, 0, err
		}
	}
	if last := len(rows) < length; last && (len(rows) > 0 || offset == 0) {
		return rows, offset + len(rows), nil
	}
	total, err := l.count(ctx, q)
	return rows, total, err
}

// First returns the first n rows of the list, or all if it has fewer.
func (l List[T]) First(ctx context.Context, q Querier, n int) ([]T, error) {
	return All(ctx, q, l.Scan, l.text(l.where)+` limit $`+strconv.Itoa(len(l.args)+1), append(slices.Clip(l.args), n)...)
}

// All returns the whole list, for those that are short by themselves.
func (l List[T]) All(ctx context.Context, q Querier) ([]T, error) {
	return All(ctx, q, l.Scan, l.text(l.where), l.args...)
}

func (l List[T]) text(where string) string {
	return `select ` + l.Columns + ` from ` + l.Table + ` ` + l.Joins + ` where ` + where + ` order by ` + l.order
}

func (l List[T]) count(ctx context.Context, q Querier) (int, error) {
	switch {
	case l.counter == "" && l.most > 0:
		return One(ctx, q, Value[int], `select count(*) from (select `+l.ID+` from `+l.Table+` where `+l.where+` order by `+l.order+
			` limit `+strconv.Itoa(l.most)+`) counted`, l.args...)
	case l.counter == "":
		return One(ctx, q, Value[int], `select count(*) from `+l.Table+` where `+l.where, l.args...)
	}
	n, err := One(ctx, q, Value[int], l.counter, l.counted...)
	if actions.KindOf(err) == actions.NotFound {
		return 0, nil
	}
	return n, err
}
