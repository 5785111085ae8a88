package store

// A Page is a slice of a list: the Number-th, counted from 1, of Size rows.
type Page struct{ Number, Size int }

func (p Page) offset() int { return (p.Number - 1) * p.Size }
