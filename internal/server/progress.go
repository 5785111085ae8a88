package server

import "time"

// A client must take or send progressBytes in progressTime of waiting for it, or the
// rest of what it is sent in a response or sends in a request, if that is less. So a
// download, an upload or a push may take hours, and a stream or a poll may be silent
// for as long as it likes; but no client holds for ever what waits for it.
const (
	progressBytes = 64 << 10
	progressTime  = 30 * time.Second
)

// A progress is how far a client has come. Only time in which the server waits for
// the client counts: not the time in which a handler does something else.
type progress struct {
	time  time.Duration // that a client has for progressBytes
	bytes int           // since the time began anew
	spent time.Duration // of it
}

// left is how long the client may be waited for.
func (p *progress) left() time.Duration { return p.time - p.spent }

// moved notes that the client was waited for, and what it took or sent meanwhile. It
// says whether the client may be waited for again.
func (p *progress) moved(bytes int, waited time.Duration) bool {
	p.bytes += bytes
	p.spent += waited
	if p.bytes >= progressBytes {
		p.bytes, p.spent = 0, 0
	}
	return p.left() > 0
}
