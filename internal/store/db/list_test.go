package db_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/db"
)

var itemList = db.List[string]{
	Table: `items i`, ID: `i.id`, Columns: `i.name`, Scan: db.Value[string],
}.Order(`i.n desc, i.id`)

func TestListIsReadByThePage(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		for i, name := range []string{"a", "b", "c", "d", "e"} {
			if _, err := db.Exec(t.Context(), s, insertItem, name, i%2); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			name  string
			list  db.List[string]
			page  actions.Page
			want  string
			total int
		}{
			{"the first", itemList.Where(`i.n >= ?`, 0), actions.Page{Number: 1, Size: 2}, "b d", 5},
			{"the last", itemList.Where(`i.n >= ?`, 0), actions.Page{Number: 3, Size: 2}, "e", 5},
			{"behind it", itemList.Where(`i.n >= ?`, 0), actions.Page{Number: 4, Size: 2}, "", 5},
			{"two conditions", itemList.Where(`i.n = ?`, 0).Where(`(i.name = ? or i.name = ?)`, "a", "c"), actions.Page{Number: 1, Size: 1}, "a", 2},
			{"nothing asked for", itemList.Where(`i.n = ?`, 1).Narrow(`i.name = ?`, ""), actions.Page{Number: 1, Size: 2}, "b d", 2},
			{"something asked for", itemList.Where(`i.n = ?`, 1).Narrow(`i.name = ?`, "d"), actions.Page{Number: 1, Size: 2}, "d", 1},
			{"another order", itemList.Where(`i.n = ?`, 0).Order(`i.id desc`), actions.Page{Number: 1, Size: 9}, "e c a", 3},
			{"counted elsewhere", itemList.Where(`i.n = ?`, 0).Counter(`select n + 41 from items where name = $1`, "b"), actions.Page{Number: 1, Size: 1}, "a", 42},
			{"no further than the first", itemList.Where(`i.n = ?`, 0).Most(2), actions.Page{Number: 1, Size: 9}, "a c", 2},
			{"its last page", itemList.Where(`i.n = ?`, 0).Most(2), actions.Page{Number: 2, Size: 1}, "c", 2},
			{"behind its last page", itemList.Where(`i.n = ?`, 0).Most(2), actions.Page{Number: 2, Size: 2}, "", 2},
			{"a page that it cuts", itemList.Where(`i.n = ?`, 0).Most(2), actions.Page{Number: 1, Size: 2}, "a c", 2},
			{"fewer than it may have", itemList.Where(`i.n = ?`, 1).Most(5), actions.Page{Number: 1, Size: 1}, "b", 2},
			{"never counted", itemList.Where(`i.n = ?`, 0).Counter(`select n from items where name = $1`, "x"), actions.Page{Number: 1, Size: 1}, "a", 0},
		} {
			rows, total, err := test.list.Page(t.Context(), s, test.page)
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			if got := strings.Join(rows, " "); got != test.want || total != test.total {
				t.Errorf("%s: got %q of %d, want %q of %d", test.name, got, total, test.want, test.total)
			}
		}
		all, err := itemList.Where(`i.n = ?`, 1).All(t.Context(), s)
		if d := cmp.Diff([]string{"b", "d"}, all); err != nil || d != "" {
			t.Error(err, d)
		}
	})
}

// counting counts the statements that are run.
type counting struct {
	db.Querier
	n int
}

func (c *counting) Query(ctx context.Context, text string, args []any, read func(*sql.Rows) error) error {
	c.n++
	return c.Querier.Query(ctx, text, args, read)
}

func TestLastPageKnowsHowManyRowsThereAre(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		for _, name := range []string{"a", "b", "c"} {
			if _, err := db.Exec(t.Context(), s, insertItem, name, 0); err != nil {
				t.Fatal(err)
			}
		}
		for page, want := range map[actions.Page]int{{Number: 1, Size: 4}: 1, {Number: 2, Size: 2}: 1, {Number: 1, Size: 3}: 2, {Number: 3, Size: 2}: 2} {
			q := &counting{Querier: s}
			if _, total, err := itemList.Where(`i.n = ?`, 0).Page(t.Context(), q, page); err != nil || total != 3 || q.n != want {
				t.Errorf("page %+v: %d rows by %d statements, %v; want 3 by %d", page, total, q.n, err, want)
			}
		}
	})
}

func TestListsMadeFromOneDoNotShareConditions(t *testing.T) {
	each(t, func(t *testing.T, s *db.DB) {
		for i, name := range []string{"a", "b"} {
			if _, err := db.Exec(t.Context(), s, insertItem, name, i); err != nil {
				t.Fatal(err)
			}
		}
		both := itemList.Where(`i.n >= ?`, 0)
		one, other := both.Where(`i.name = ?`, "a"), both.Where(`i.name = ?`, "b")
		for want, list := range map[string]db.List[string]{"a": one, "b": other} {
			if got, err := list.All(t.Context(), s); err != nil || strings.Join(got, " ") != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
	})
}
