package results

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A pieceWriter notes how much is written at once.
type pieceWriter struct {
	*httptest.ResponseRecorder
	fail   error
	pieces []int
}

func (w *pieceWriter) Write(p []byte) (int, error) {
	if w.fail != nil {
		return 0, w.fail
	}
	w.pieces = append(w.pieces, len(p))
	return w.ResponseRecorder.Write(p)
}

func TestAnAnswerThatBreaksOffSaysWhy(t *testing.T) {
	w := &pieceWriter{ResponseRecorder: httptest.NewRecorder()}
	s := &sender{ResponseWriter: w}
	const text = "some text"
	if n, err := s.ReadFrom(strings.NewReader(text)); err != nil || n != int64(len(text)) || w.Body.String() != text {
		t.Errorf("%d, %v, %q", n, err, w.Body)
	}
	w.fail = io.ErrClosedPipe
	if _, err := s.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) || !errors.Is(s.err, io.ErrClosedPipe) {
		t.Errorf("got %v and %v", err, s.err)
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
		w := &pieceWriter{ResponseRecorder: httptest.NewRecorder()}
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
