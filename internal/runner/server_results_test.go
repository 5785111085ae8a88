package runner

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/coder/websocket"
	"github.com/understudy-ci/understudy/internal/wire"
)

func (s *server) twirp(_ http.ResponseWriter, r *http.Request) any {
	s.asJob(r)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	var q struct {
		Run         string            `json:"workflow_run_backend_id"`
		Job         string            `json:"workflow_job_run_backend_id"`
		Step        string            `json:"step_backend_id"`
		Size        wire.Int          `json:"size"`
		LineCount   wire.Int          `json:"line_count"`
		ChangeOrder wire.Int          `json:"change_order"`
		Steps       []wire.StepUpdate `json:"steps"`
	}
	if err := json.Unmarshal(b, &q); err != nil {
		s.t.Errorf("%s: %v", r.URL.Path, err)
	}
	if q.Run != "plan-1" || q.Job != "job-1" {
		s.t.Errorf("%s: ids %q, %q", r.URL.Path, q.Run, q.Job)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch r.PathValue("m") {
	case "WorkflowStepsUpdate":
		s.orders = append(s.orders, int64(q.ChangeOrder))
		s.updates = append(s.updates, q.Steps)
	case wire.GetStepLogsURL:
		return wire.LogsURLResponse{LogsURL: s.uploadURL(q.Step), BlobStorageType: wire.BlobStorageUnspecified, SoftSizeLimit: 1 << 20}
	case wire.GetStepSummaryURL:
		return wire.SummaryURLResponse{SummaryURL: s.uploadURL("summary-" + q.Step), BlobStorageType: wire.BlobStorageUnspecified}
	case wire.GetJobDiagnosticsURL:
		return wire.DiagnosticsURLResponse{DiagLogsURL: s.uploadURL("diagnostics"), BlobStorageType: wire.BlobStorageUnspecified}
	case wire.CreateStepLogs:
		s.logs[q.Step] = wire.LogsMetadata{LineCount: q.LineCount}
	case wire.CreateStepSummary:
		s.sums[q.Step] = wire.SummaryMetadata{Size: q.Size}
	default:
		return status(http.StatusNotFound)
	}
	return wire.OKResponse{OK: true}
}

// uploadURL needs s.mu.
func (s *server) uploadURL(name string) string {
	s.uploads[name]++
	return fmt.Sprintf("%s/blobs/%s?part=%d&sig=secret", s.http.URL, name, s.uploads[name])
}

func (s *server) put(_ http.ResponseWriter, r *http.Request) any {
	q := r.URL.Query()
	if q.Get("sig") != "secret" || r.Header.Get("Authorization") != "" {
		s.t.Errorf("upload: query %q, authorization %q", r.URL.RawQuery, r.Header.Get("Authorization"))
	}
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	part, err := strconv.Atoi(q.Get("part"))
	if err != nil {
		s.t.Errorf("upload: part: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get(wire.BlobTypeHeader) == wire.AppendBlob && q.Get("comp") == "" {
		s.creates++
		return status(http.StatusCreated)
	}
	if q.Get("seal") == "true" {
		s.seals++
	}
	parts := s.blobs[r.PathValue("step")]
	if parts == nil {
		parts = map[int][]byte{}
		s.blobs[r.PathValue("step")] = parts
	}
	parts[part] = b
	return status(http.StatusCreated)
}

// blob is all that was put for name.
func (s *server) blob(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, part := range slices.Sorted(maps.Keys(s.blobs[name])) {
		b.Write(s.blobs[name][part])
	}
	return b.String()
}

func (s *server) follow(w http.ResponseWriter, r *http.Request) {
	s.asJob(r)
	s.mu.Lock()
	fault := s.fault
	s.mu.Unlock()
	if fault != nil && fault(w, r) {
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		s.t.Errorf("feed: %v", err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	for {
		_, b, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var m wire.FeedLines
		if err := json.Unmarshal(b, &m); err != nil || m.Count != len(m.Value) {
			s.t.Errorf("feed: %s: %v", b, err)
		}
		s.mu.Lock()
		s.feed = append(s.feed, m)
		s.mu.Unlock()
	}
}

func (s *server) resolve(_ http.ResponseWriter, r *http.Request) any {
	s.asJob(r)
	var req wire.ResolveActionsRequest
	s.read(r, &req)
	resp := wire.ResolveActionsResponse{Actions: map[string]wire.ActionInfo{}}
	for _, a := range req.Actions {
		if a.Action == "octo/none" {
			return refusal{http.StatusUnprocessableEntity, wire.ResolveActionsError{
				Errors: map[string]wire.ActionError{a.Key(): {Message: "Unable to resolve action octo/none, repository not found"}},
			}}
		}
		resp.Actions[a.Key()] = wire.ActionInfo{Name: a.Action, Version: a.Version, TarURL: s.http.URL + "/archive"}
	}
	return resp
}

func (s *server) download(w http.ResponseWriter, r *http.Request) {
	if user, pass, _ := r.BasicAuth(); user != "x-access-token" || pass != "ghs_x" {
		s.t.Errorf("archive: user %q, password %q", user, pass)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = w.Write(s.archive)
}
