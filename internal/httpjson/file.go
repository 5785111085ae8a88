package httpjson

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
)

// A File is an untrusted one, to be sent as it is.
type File struct {
	Name    string // that it is saved under
	Size    int64  // bytes
	Content io.Reader
}

// SendFile answers GET and HEAD with a file. Whatever it is, no browser shows it as
// a page of this origin. An error that comes before its first byte is returned; later
// ones break the connection off, so that nobody takes the half for the whole.
func SendFile(w http.ResponseWriter, r *http.Request, f File, log *slog.Logger) error {
	h := w.Header()
	Harmless(h, safeType(f.Name))
	h.Set("Content-Disposition", Attachment(f.Name))
	h.Set("Content-Length", strconv.FormatInt(f.Size, 10))
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	sent, err := copyWhole(w, f.Content)
	if err == nil {
		return nil
	}
	if sent == 0 {
		for _, name := range []string{"Content-Disposition", "Content-Length"} {
			h.Del(name)
		}
		return err
	}
	BreakOff(r, log, err)
	return nil
}

// copyWhole copies content to w, and returns how many bytes it has sent. What came
// last is sent when all has proved to be right: the reader of a damaged file misses
// its end, and knows.
func copyWhole(w io.Writer, content io.Reader) (sent int64, err error) {
	const size = 64 << 10
	now, last := make([]byte, size), make([]byte, 0, size)
	flush := func() error {
		n, err := w.Write(last)
		sent += int64(n)
		return err
	}
	for {
		n, err := content.Read(now)
		if n > 0 {
			if len(last) > 0 {
				if err := flush(); err != nil {
					return sent, err
				}
			}
			now, last = last[:size], now[:n]
		}
		if errors.Is(err, io.EOF) {
			return sent, flush()
		}
		if err != nil {
			return sent, err
		}
	}
}
