package runnerapi_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// behindProxy has the clients of a world come by HTTPS through a proxy that the server
// does not trust: what it sees is plain.
func (w *world) behindProxy() {
	w.t.Helper()
	plain, err := url.Parse(w.URL)
	w.Must(err)
	proxy := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(plain)
		r.Out.Host = r.In.Host
	}})
	w.t.Cleanup(proxy.Close)
	w.URL, w.Client.Transport = proxy.URL, proxy.Client().Transport
}

func TestARunnerBehindAProxyThatIsNotTrustedKeepsItsScheme(t *testing.T) {
	w := newWorld(t, nil)
	w.behindProxy()
	var tenant wire.RegistrationResponse
	w.want("exchange", w.exchange("RemoteAuth "+w.registrationToken(repo, "registration-token"), urlPath, wire.EventRegister, &tenant), http.StatusOK)
	c := w.runnerOf(repo, urlPath, "box")
	job := w.job(w.start(simple))
	offer := c.offer()
	for what, told := range map[string]string{
		"the tenant": tenant.URL, "the broker": c.auth.ServerURL, "tokens": c.auth.AuthorizationURL, "the run service": offer.RunServiceURL,
	} {
		if !strings.HasPrefix(told, w.URL+"/") {
			t.Errorf("%s: told %s, want it below %s", what, told, w.URL)
		}
	}
	h := c.take(offer.RunnerRequestID)
	host := strings.TrimPrefix(w.URL, "https://")
	if text := string(h.raw); strings.Contains(text, "http://"+host) || strings.Contains(text, "ws://"+host) || !strings.Contains(text, w.URL+"/") || !strings.Contains(text, "wss://"+host) {
		t.Errorf("the job message has plain URLs: %s", text)
	}
	body := map[string]any{"workflow_run_backend_id": h.msg.Plan.PlanID, "workflow_job_run_backend_id": job.GUID, "name": "dist", "version": 4}
	a := w.want("an upload", w.call(http.MethodPost, w.URL+"/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact", h.access, body, nil), http.StatusOK)
	if !strings.Contains(string(a.body), w.URL+"/_blobs/") {
		t.Errorf("the upload goes to %s", a.body)
	}
	other := w.call(http.MethodGet, w.URL+"/api/v3/repos/octo/hello", "Bearer "+w.admin, nil, nil)
	if !strings.Contains(string(other.body), `"http://`+host) {
		t.Errorf("others are told what the server sees: %s", other.body)
	}
}

func TestTwoRepositoriesHaveRunnersOfOneNameOnAMachine(t *testing.T) {
	w := newWorld(t, nil)
	segments := map[string]string{}
	for path, scope := range map[string]string{"octo/hello": "repos/octo/hello", "mona/other.git": "repos/mona/other", "guild": "orgs/guild", site: site} {
		var tenant wire.RegistrationResponse
		w.want("exchange", w.exchange("RemoteAuth "+w.registrationToken(scope, "registration-token"), path, wire.EventRegister, &tenant), http.StatusOK)
		u, err := url.Parse(tenant.URL)
		w.Must(err)
		segment, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/") // what GitHub's runner takes for its service
		if before, is := segments[segment]; is {
			t.Errorf("%s and %s have one name: %s", path, before, segment)
		}
		segments[segment] = path
	}
	if segments["_runner-octo.hello"] == "" || segments["_runner-mona.other"] == "" {
		t.Errorf("got %v", segments)
	}
}
