package server

import (
	"net/http"

	"github.com/google/uuid"
)

// runnerChecks are what config.sh --check of GitHub's runner asks for, beside the
// root of the API (REG-5).
var runnerChecks = []string{"/_ping", "/_services/vstoken/_apis/health", "/_services/pipelines/_apis/health"}

// serveRunnerCheck serves GET and POST of them. The runner shows the ids that it
// finds in the headers.
func serveRunnerCheck(w http.ResponseWriter, _ *http.Request) {
	id, h := uuid.NewString(), w.Header()
	h.Set("X-Github-Request-Id", id)
	h.Set("X-Vss-E2eid", id)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n")) // the connection's error is nobody's to handle
}
