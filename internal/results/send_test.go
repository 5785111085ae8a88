package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A deadlineWriter notes how much is written at once, and under which deadline.
type deadlineWriter struct {
	*httptest.ResponseRecorder
	deadline time.Time
	fail     error
	pieces   []int
}

func (w *deadlineWriter) SetWriteDeadline(t time.Time) error {
	w.deadline = t
	return nil
}

func (w *deadlineWriter) Write(p []byte) (int, error) {
	if w.fail != nil {
		return 0, w.fail
	}
	w.pieces = append(w.pieces, len(p))
	return w.ResponseRecorder.Write(p)
}

func TestAnAnswerIsSentUnderADeadlinePerPiece(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	s := &sender{ResponseWriter: w, rc: http.NewResponseController(w), now: func() time.Time { return now }, pause: sendPause}
	n, err := s.ReadFrom(strings.NewReader(strings.Repeat("x", sendPiece+1)))
	if err != nil || n != sendPiece+1 || w.Body.Len() != sendPiece+1 {
		t.Errorf("%d, %v", n, err)
	}
	if want := now.Add(sendPause); !w.deadline.Equal(want) {
		t.Errorf("deadline %s, want %s", w.deadline, want)
	}
	if n, err := s.Write(bytes.Repeat([]byte("x"), 2*sendPiece+1)); err != nil || n != 2*sendPiece+1 || len(w.pieces) < 3 || w.pieces[len(w.pieces)-1] != 1 {
		t.Errorf("%d, %v in pieces %v", n, err, w.pieces)
	}
	s.end()
	if !w.deadline.IsZero() {
		t.Error("the deadline outlives the answer: the next request of the connection would end by it")
	}
	w.fail = io.ErrClosedPipe
	if _, err := s.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(s.err, io.ErrClosedPipe) {
		t.Errorf("got %v and %v", err, s.err)
	}
}

func TestAReaderThatTakesNothingIsGivenUp(t *testing.T) {
	ended := make(chan error, 1)
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := &sender{ResponseWriter: w, rc: http.NewResponseController(w), now: time.Now, pause: 50 * time.Millisecond}
		for s.err == nil {
			_, _ = s.Write(make([]byte, 4*sendPiece)) // s knows
		}
		ended <- s.err
	}))
	defer hs.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, hs.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := hs.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 32*sendPiece); err != nil { // and then nothing
		t.Errorf("while it reads: %v", err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestOneRangeIsWhatIsAskedFor(t *testing.T) {
	for _, c := range []struct{ standard, ms, want string }{
		{"", "", ""},
		{"bytes=1-2", "", "bytes=1-2"},
		{"", "bytes=3-", "bytes=3-"},
		{"bytes=1-2", "bytes=3-", "bytes=1-2"},
		{"bytes=1-2,4-5", "", ""},
		{"", "bytes=1-2,4-5", ""},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		for name, value := range map[string]string{"Range": c.standard, "X-Ms-Range": c.ms} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		if got := oneRange(r).Header.Get("Range"); got != c.want {
			t.Errorf("%+v: got %q", c, got)
		}
		if r.Header.Get("Range") != c.standard {
			t.Errorf("%+v: the request has changed", c)
		}
	}
}

func TestItemPathBeginsWithTheNameOfItsArtifact(t *testing.T) {
	for item, want := range map[string][2]string{"dist/a/b": {"dist", "a/b"}, `dist\a\b`: {"dist", "a/b"}, "dist": {"dist", ""}, "": {}} {
		name, path := cutItemPath(item)
		if got := [2]string{name, path}; got != want {
			t.Errorf("item path %q is %v, want %v", item, got, want)
		}
	}
}

// Threat: zip bomb shown in preview: hostile names make a list of 40 MB, of which a
// client that does not read holds no more than a piece.
func TestAListOfFilesIsSentAsItIsMade(t *testing.T) {
	for _, n := range []int{0, 1, 2000} {
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		a := &API{Config: Config{Now: time.Now}}
		c := &call{Request: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)}
		err := a.sendItems(w, c, func(yield func(wire.ContainerItem) bool) {
			for i := range n {
				if !yield(wire.ContainerItem{ContainerID: int64(i), Path: strings.Repeat("x", 1000)}) {
					return
				}
			}
		})
		var got wire.List[wire.ContainerItem]
		if e := json.Unmarshal(w.Body.Bytes(), &got); err != nil || e != nil || got.Count != n || len(got.Value) != n || got.Value == nil {
			t.Fatalf("%d items: %v, %v, %d and %d", n, err, e, got.Count, len(got.Value))
		}
		if n > 0 && got.Value[n-1].ContainerID != int64(n-1) {
			t.Errorf("the last item is %d", got.Value[n-1].ContainerID)
		}
		if most := slices.Max(w.pieces); most > 16<<10 {
			t.Errorf("%d items: a piece of %d bytes", n, most)
		}
	}
}
