package results_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

const pieceSize = 2 << 20 // bytes after which the runner begins another piece of a log

// putAsSDK uploads a log as GitHub's runner does with the Azure library: piece by
// piece, each to a URL that it has just asked for.
func (s *site) putAsSDK(next func() string, text string) {
	s.T.Helper()
	for at, first := 0, true; at < len(text) || first; first = false {
		end := min(at+pieceSize, len(text))
		if i := strings.LastIndexByte(text[at:end], '\n'); i >= 0 {
			end = at + i + 1
		}
		url := next()
		if first {
			created := s.Do(http.MethodPut, url, "", "", "X-Ms-Blob-Type", "AppendBlob", "If-None-Match", "*")
			if created.StatusCode != http.StatusCreated {
				s.T.Fatalf("create: %d %s", created.StatusCode, created.Text)
			}
		}
		s.put(url+appendQuery, bom+text[at:end])
		if at = end; at == len(text) {
			sealed := s.Do(http.MethodPut, url+"&comp=seal", "", "")
			if sealed.StatusCode != http.StatusOK || sealed.Header.Get("X-Ms-Blob-Sealed") != "true" || sealed.Header.Get("ETag") == "" {
				s.T.Errorf("seal: %d %v %s", sealed.StatusCode, sealed.Header, sealed.Text)
			}
		}
	}
}

// linesOf is so many lines as a runner writes them.
func linesOf(n int, more string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "2026-11-20T12:43:29.%07dZ line %d%s\n", i%1e7, i, more)
	}
	return b.String()
}

func TestLongLogsByTheAzureLibraryAreWhole(t *testing.T) {
	for name, text := range map[string]string{
		"2.1 MiB":       linesOf(45_000, ""),
		"30 MiB":        linesOf(30_000, strings.Repeat("x", 1000)),
		"300,000 lines": linesOf(300_000, ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			j := s.Job("build")
			step := s.Step(j, 1, "Run")
			s.putAsSDK(func() string { return s.stepURL(j, step.GUID) }, text)
			s.wantSame(j, text)
			s.putAsSDK(func() string { return s.jobURL(j) }, text)
			s.wantSame(j, text)
		})
	}
}

// wantSame compares a log that is too long to be shown.
func (s *site) wantSame(j *actions.Job, want string) {
	s.T.Helper()
	if got := s.jobLog(j); got != want {
		s.T.Errorf("the log has %d bytes of %d", len(got), len(want))
	}
}

// A block blob of the library says that nothing may be there yet. An answer that was
// lost makes it try again, which must not lose the log.
func TestAWholeLogMayBeSentAgainByTheAzureLibrary(t *testing.T) {
	s := newServer(t)
	j := s.Job("build")
	url := s.stepURL(j, s.Step(j, 1, "Run").GUID)
	for range 2 {
		put := s.Do(http.MethodPut, url, "", bom+"all\n", "X-Ms-Blob-Type", "BlockBlob", "If-None-Match", "*")
		if put.StatusCode != http.StatusCreated {
			t.Fatalf("%d %s", put.StatusCode, put.Text)
		}
	}
	s.wantLog(j, "all\n")
}
