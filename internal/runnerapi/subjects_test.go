package runnerapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestWhatStepsDeclareIsOnThePageOfTheirJob(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		run := w.start(simple)
		h := w.runner("box").take(w.job(run).GUID)
		digest := "sha256:" + strings.Repeat("0a", 32)
		list := []wire.Subject{
			{Name: "<b>app.tar.gz", Digest: digest, Kind: "file"},
			{Name: "ci.example/app", Digest: "sha512:" + strings.Repeat("1b", 64), Kind: "oci"},
			{Name: "bad digest", Digest: "sha256:0a", Kind: "file"},
			{Name: "bad kind", Digest: digest, Kind: "x"},
			{Digest: digest, Kind: "file"},
			{Name: strings.Repeat("long", 300), Digest: digest, Kind: "file"},
		}
		for i := range 600 {
			list = append(list, wire.Subject{Name: fmt.Sprintf("file %d", i), Digest: digest, Kind: "file"})
		}
		w.want("completion", h.report(&wire.CompleteJobRequest{Conclusion: wire.Succeeded, Subjects: list}), http.StatusOK)
		w.want("completion again", h.report(&wire.CompleteJobRequest{Conclusion: wire.Succeeded, Subjects: list[:1]}), http.StatusOK)
		job := w.jobOf(h)
		got, err := w.Logs.Subjects(t.Context(), job)
		w.Must(err)
		if len(got) != 500 || got[0].Name != "<b>app.tar.gz" || got[1].Kind != "oci" || got[2].Name != "file 0" {
			t.Errorf("%d subjects, of which the first are %+v", len(got), got[:min(len(got), 3)])
		}
		w.hello.Private = false // so that anybody reads its pages
		w.Must(w.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateRepository(t.Context(), w.hello) }))
		page := string(w.Do(http.MethodGet, fmt.Sprintf("/octo/hello/actions/runs/%d/job/%d", run.ID, job.ID), "", nil).Text)
		for _, want := range []string{"Declared artifacts <small>500</small>", "&lt;b&gt;app.tar.gz", digest, "ci.example/app <small>image</small>"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page does not have %q", want)
			}
		}
		if strings.Contains(page, "bad digest") || strings.Contains(h.log(), "app.tar.gz") {
			t.Error("the page or the log has what it should not")
		}
		w.Must(w.Store.Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteLogs(t.Context(), run.ID, w.Now()) }))
		if got, err := w.Logs.Subjects(t.Context(), job); err != nil || len(got) > 0 {
			t.Errorf("after the logs were deleted: %v, %v", got, err)
		}
	})
}
