package blob

import (
	"fmt"
	"io"
)

// SeekTo is the offset that the arguments of [io.Seeker] mean for a reader of size
// bytes that stands at one. It may lie behind the end.
func SeekTo(at, size, offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += at
	case io.SeekEnd:
		offset += size
	default:
		return 0, fmt.Errorf("seek from %d", whence)
	}
	if offset < 0 {
		return 0, fmt.Errorf("seek to %d", offset)
	}
	return offset, nil
}
