package logs_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/object"
)

// sweepBlobs removes the blobs that no log needs any more, as the server does.
func sweepBlobs(t *testing.T, f *logstest.Fixture) {
	t.Helper()
	objects := object.New(object.Config{Store: f.Store, Blobs: f.Blobs, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err := objects.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}
