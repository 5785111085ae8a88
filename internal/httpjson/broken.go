package httpjson

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"syscall"
)

// BreakOff ends an answer that has begun and cannot be completed, so that its reader
// does not take the half for the whole. It does not return. Why goes to the log,
// unless it was the reader who went away.
func BreakOff(r *http.Request, log *slog.Logger, err error) {
	if r.Context().Err() == nil && !hungUp(err) {
		log.WarnContext(r.Context(), "answer not sent to its end", "route", cmp.Or(r.Pattern, r.URL.Path), "err", err)
	}
	panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's own way to break a connection off
}

// hungUp says whether err is the reader's: gone, or taking nothing any more.
func hungUp(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, os.ErrDeadlineExceeded)
}
