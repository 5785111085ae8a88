package artifact

// Tests that need no artifact look into bytes through these.
var (
	ListZip = list
	OpenZip = openEntry
)
