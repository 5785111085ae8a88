package httpjson_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

func TestAnswerThatCannotBeCompletedIsBrokenOff(t *testing.T) {
	for _, c := range []struct {
		err    error
		logged bool
	}{
		{errors.New("the disk is gone"), true},
		{fmt.Errorf("write: %w", syscall.EPIPE), false},
		{fmt.Errorf("write: %w", syscall.ECONNRESET), false},
		{fmt.Errorf("write: %w", os.ErrDeadlineExceeded), false},
	} {
		var log bytes.Buffer
		func() {
			defer func() {
				if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
					t.Errorf("%v: ended with %v", c.err, got)
				}
			}()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/file", nil)
			httpjson.BreakOff(r, slog.New(slog.NewTextHandler(&log, nil)), c.err)
		}()
		if got := strings.Contains(log.String(), "route=/file"); got != c.logged {
			t.Errorf("%v: logged %q", c.err, log.String())
		}
	}
}
