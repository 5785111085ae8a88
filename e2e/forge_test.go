package e2e_test

import (
	"net/http"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// An action of a bundled runner's job has a token, and so has everything that it
// runs. With that nobody can say how the job ended, or what it printed.
func TestAnActionCannotForgeTheEndOrTheLogOfItsJob(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "1")
	r := s.newRepository("hello")
	in := r.enter("ubuntu-latest")
	as := r.admin().As(in.Token)
	for path, body := range map[string]any{
		"/_runner/run/" + wire.CompleteJobPath: wire.CompleteJobRequest{PlanID: in.IDs.RunID, JobID: in.IDs.JobID, Conclusion: wire.Failed},
		"/_runner/run/" + wire.RenewJobPath:    wire.RenewJobRequest{PlanID: in.IDs.RunID, JobID: in.IDs.JobID},
		"/" + wire.StepsUpdatePath:             wire.StepsUpdateRequest{ResultsIDs: in.IDs, ChangeOrder: 1 << 20},
	} {
		res, err := as.Send(t.Context(), http.MethodPost, in.Base+path, body)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusNotFound && res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d, %v, want 404 or 403", path, res.StatusCode, err)
		}
	}
	var url wire.LogsURLResponse
	if err := in.Call(t.Context(), "results.services.receiver.Receiver", wire.GetJobLogsURL, wire.BlobURLRequest{ResultsIDs: in.IDs}, &url); err == nil || url.LogsURL != "" {
		t.Errorf("a URL to write the log of the job: %q, %v; want a refusal", url.LogsURL, err)
	}
	if err := in.upload(t.Context(), &upload{name: "a", content: []byte("content")}, 4); err != nil {
		t.Errorf("an artifact: %v", err)
	}
	in.leave()
	r.conclude(in.run, "success")
}
