package actions

// A Page is a slice of a list: the Number-th, counted from 1, of Size entries.
type Page struct{ Number, Size int }

// Offset is how many entries come before the page.
func (p Page) Offset() int { return (p.Number - 1) * p.Size }
