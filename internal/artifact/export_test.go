package artifact

import "context"

// DropArchive is what happens to an archive after an error of the transaction that
// was to seal it.
func (a *Artifacts) DropArchive(ctx context.Context, id int64) { a.dropObject(ctx, id) }

// Tests that need no artifact look into bytes through these.
var (
	ListZip = list
	OpenZip = openEntry
)
