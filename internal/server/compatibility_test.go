package server

import (
	"crypto/rand"
	"flag"
	"log/slog"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/openapitest"
)

var update = flag.Bool("update", false, "write docs/compatibility.md")

func TestTheDocumentListsWhatIsServed(t *testing.T) {
	s, err := New(t.Context(), Config{Listen: []string{"127.0.0.1:0"}, Data: t.TempDir(), JobLease: time.Minute}, Deps{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: time.Now, Random: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	var patterns []string
	for _, rt := range s.Routes() {
		patterns = append(patterns, rt.Pattern)
	}
	openapitest.New(t).CheckDocument("docs/compatibility.md", patterns, *update)
}
