package actions

// A Page is a slice of a list: the Number-th, counted from 1, of Size entries.
type Page struct{ Number, Size int }

// Offset is how many entries come before the page.
func (p Page) Offset() int { return (p.Number - 1) * p.Size }

// Last is the number of the last page of a list that has total entries. An empty
// list has one page.
func (p Page) Last(total int) int { return max((total+p.Size-1)/p.Size, 1) }

// Slice is the page of a list that is all in memory, such as what an archive holds.
func Slice[T any](p Page, list []T) []T {
	from := min(p.Offset(), len(list))
	return list[from:min(from+p.Size, len(list))]
}
