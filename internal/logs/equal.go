package logs

import (
	"bytes"
	"errors"
	"io"
)

// equal tells whether two readers of the same length have the same content.
func equal(x, y io.Reader) (bool, error) {
	a, b := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(x, a)
		if n > 0 {
			if _, err := io.ReadFull(y, b[:n]); err != nil {
				return false, err
			}
			if !bytes.Equal(a[:n], b[:n]) {
				return false, nil
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return true, nil
		case err != nil:
			return false, err
		}
	}
}
