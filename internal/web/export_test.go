package web

// What the tests that need a whole server read of events.
type (
	LiveLines = liveLines
	LiveLine  = liveLine
)

// BytesText is a size for people.
var BytesText = bytesText

// Special says whether a character is one that could steer what shows it.
var Special = special
