package runnerapi_test

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/wire"
)

const simple = "on: push\njobs: {a: {runs-on: self-hosted, steps: [{run: exit 0}]}}\n"

// The calls of the official runner from config.sh to config.sh remove, in their
// order (FLOW-1).
func TestOneRunnerFromItsRegistrationToItsRemoval(t *testing.T) { // REG-2, REG-3, STA-4
	each(t, func(t *testing.T, w *world) { oneRunner(t, w) })
}

// GitHub's runner takes some hosts for GitHub itself. Their API has a host of its own,
// and the port is left out of it.
func TestOneRunnerOfAHostThatRunnersTakeForGitHub(t *testing.T) { // REG-1
	for _, host := range []string{"github.localhost", "ci.ghe.localhost"} {
		t.Run(host, func(t *testing.T) {
			w := newWorld(t, nil)
			w.named(host, "http://api."+host)
			oneRunner(t, w)
		})
	}
	t.Run("ci.ghe.com", func(t *testing.T) {
		w := newWorld(t, func(c *servertest.Config) { c.AllowedHost = []string{"ci.ghe.com"} })
		w.named("ci.ghe.com", "http://api.ci.ghe.com")
		oneRunner(t, w)
	})
}

func oneRunner(t *testing.T, w *world) {
	t.Helper()
	reg := w.registrationToken("repos/octo/hello", "registration-token")
	var tenant wire.RegistrationResponse
	in := wire.RegistrationRequest{URL: w.URL + "/octo/hello", RunnerEvent: wire.EventRegister}
	w.want("exchange", w.call(http.MethodPost, w.api+"/actions/runner-registration", "RemoteAuth "+reg, in, &tenant), http.StatusOK)
	if tenant.TokenSchema != "OAuthAccessToken" || !tenant.UseV2Flow || tenant.Token == "" || tenant.URL != w.URL+"/_runner-octo.hello/broker/" {
		t.Errorf("exchange: %+v, want a token of the V2 flow and the broker's URL (REG-2)", tenant)
	}
	var claims jwt.RegisteredClaims
	if _, _, err := jwt.NewParser().ParseUnverified(tenant.Token, &claims); err != nil || claims.ExpiresAt == nil {
		t.Errorf("admin token: %v with expiry %v; clients read it", err, claims.ExpiresAt)
	}
	var groups wire.RunnerGroups
	w.want("groups", w.call(http.MethodGet, w.api+"/repos/octo/hello/actions/runner-groups", "RemoteAuth "+reg, nil, &groups), http.StatusOK)
	if len(groups.RunnerGroups) != 1 || !groups.RunnerGroups[0].Default || groups.RunnerGroups[0].IsHosted {
		t.Errorf("groups %+v, want the default one (REG-3)", groups)
	}
	var same wire.Runners
	w.want("runners", w.call(http.MethodGet, w.api+"/repos/octo/hello/actions/runners?name=box1", "RemoteAuth "+reg, nil, &same), http.StatusOK)
	if same.TotalCount != 0 || len(same.Runners) != 0 {
		t.Errorf("runners %+v, want none", same)
	}
	c := w.register(w.request("octo/hello", "box1", "gpu"), reg)
	if c.auth.ServerURL != tenant.URL || !strings.HasSuffix(c.auth.AuthorizationURL, "/_runner/token/") {
		t.Errorf("authorization %+v: server_url must be the tenant's url %s (REG-3)", c.auth, tenant.URL)
	}
	run := w.start(simple)
	c.connect()
	runOneJob(c, w.job(run).GUID)
	w.want("session", w.call(http.MethodDelete, c.auth.ServerURL+"session", c.access, nil, nil), http.StatusNoContent)
	path := w.api + "/repos/octo/hello/actions/runners/" + strconv.FormatInt(int64(c.id), 10)
	w.want("remove", w.call(http.MethodDelete, path, "RemoteAuth "+w.registrationToken("repos/octo/hello", "remove-token"), nil, nil), http.StatusNoContent)
	a, _ := c.ask(wire.StatusOnline)
	w.wantSource("poll of a removed runner", a, http.StatusNotFound, wire.BrokerSource, wire.RunnerNotFound)
	w.want("token of a removed runner", c.authorize(c.assertion(nil), nil), http.StatusBadRequest)
	if got, err := w.Store.Run(t.Context(), run.ID); err != nil || got.Conclusion != actions.Success {
		t.Errorf("run %+v, %v; want success", got, err)
	}
}

// runOneJob is calls 7 to 20 of FLOW-1, less what other surfaces serve.
func runOneJob(c *client, guid string) {
	w := c.w
	w.t.Helper()
	offer := c.offer()
	if offer.RunnerRequestID != guid || !offer.ShouldAcknowledge || !strings.HasSuffix(offer.RunServiceURL, "/") {
		w.t.Fatalf("offer %+v, want job %s with a base that ends in a slash", offer, guid)
	}
	w.want("acknowledge", c.acknowledge(offer.RunnerRequestID), http.StatusOK)
	h := c.take(offer.RunnerRequestID)
	a, until := h.renew()
	w.want("renewjob", a, http.StatusOK)
	if d := until.Sub(w.Now()); d < lease-10*time.Second || d > lease {
		w.t.Errorf("locked for %s, want %s", d, lease)
	}
	if a, m := c.ask(wire.StatusBusy); a.status != http.StatusAccepted || m != nil || len(a.body) != 0 {
		w.t.Errorf("poll of a busy runner: %d %s, want 202 without a body", a.status, a.body)
	}
	w.want("completejob", h.complete(wire.Succeeded), http.StatusOK)
	if a, _ := c.ask(wire.StatusOnline); a.status != http.StatusAccepted {
		w.t.Errorf("poll after the job: %d %s, want 202", a.status, a.body)
	}
}

func TestBothSignaturesOfAnAssertionAreAccepted(t *testing.T) { // AUTH-1
	each(t, func(t *testing.T, w *world) {
		c := w.register(w.request("enterprises/understudy", "box"), w.registrationToken("enterprises/understudy", "registration-token"))
		for _, m := range []jwt.SigningMethod{jwt.SigningMethodPS256, jwt.SigningMethodRS256} {
			c.algorithm = m
			c.login()
			w.want(m.Alg(), c.open("box"), http.StatusOK)
		}
	})
}

func TestAJITConfigurationIsACompleteRunnerForOneJob(t *testing.T) { // REG-4
	each(t, func(t *testing.T, w *world) {
		var out struct {
			Runner struct {
				ID     int64
				Labels []struct{ Name, Type string }
			}
			Config string `json:"encoded_jit_config"`
		}
		in := map[string]any{"name": "once", "runner_group_id": 1, "labels": []string{"self-hosted"}, "work_folder": "w"}
		w.want("generate", w.call(http.MethodPost, "/api/v3/repos/octo/hello/actions/runners/generate-jitconfig", "token "+w.admin, in, &out), http.StatusCreated)
		config, err := wire.DecodeJIT(out.Config)
		w.Must(err)
		key, err := config.Key.PrivateKey()
		w.Must(err)
		s := config.Settings
		if int64(s.AgentID) != out.Runner.ID || !bool(s.Ephemeral) || !bool(s.UseV2Flow) || s.ServerURL != s.ServerURLV2 || s.GitHubURL != w.URL+"/octo/hello" || s.WorkFolder != "w" {
			t.Errorf("settings %+v, want an ephemeral runner of octo/hello in the V2 flow", s)
		}
		c := jitClient(w, config, key)
		c.connect()
		first, second := w.job(w.start(simple)), w.job(w.start(simple))
		runEphemeral(c, first.GUID, second.GUID)
		if _, err := w.Store.Runner(t.Context(), out.Runner.ID); actions.KindOf(err) != actions.NotFound {
			t.Errorf("the registration after the job: %v, want not found (END-3)", err)
		}
		w.want("the configuration a second time", c.authorize(c.assertion(nil), nil), http.StatusBadRequest)
	})
}

func jitClient(w *world, config *wire.RunnerConfig, key *rsa.PrivateKey) *client {
	return &client{
		w: w, key: key, id: wire.Int(config.Settings.AgentID), name: config.Settings.AgentName, algorithm: jwt.SigningMethodPS256,
		auth: wire.RunnerAuthorization{
			AuthorizationURL: config.Credentials.Data.AuthorizationURL, ServerURL: config.Settings.ServerURLV2, ClientID: config.Credentials.Data.ClientID,
		},
	}
}

// runEphemeral runs one job and tries for a second.
func runEphemeral(c *client, first, second string) {
	w := c.w
	w.t.Helper()
	h := c.take(first)
	a, _ := c.acquire(second)
	w.wantSource("a second job beside the first", a, http.StatusConflict, wire.RunServiceSource, "")
	w.want("completejob", h.complete(wire.Succeeded), http.StatusOK)
	a, _ = c.acquire(second)
	w.wantSource("a second job after the first", a, http.StatusNotFound, wire.RunServiceSource, "")
	a, _ = c.ask(wire.StatusOnline)
	w.wantSource("poll after the job", a, http.StatusNotFound, wire.BrokerSource, wire.RunnerNotFound)
	w.want("a late renewal", first200(h), http.StatusOK)
	w.want("completejob again", h.complete(wire.Failed), http.StatusOK)
}

func first200(h *held) *answer {
	a, _ := h.renew()
	return a
}

// The independent runner in Go joins with a slash of its own, writes "bearer",
// sends no token before a 401, and opens a session of the old protocol (OLD-2).
func TestTheIndependentRunnerFindsItsWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := w.register(w.request("octo/hello", "go"), w.registrationToken("repos/octo/hello", "registration-token"))
		var loc struct {
			LocationServiceData struct {
				ServiceDefinitions []struct{ ServiceType, Identifier, DisplayName, RelativePath string }
			}
		}
		w.want("connectionData", w.call(http.MethodGet, c.auth.ServerURL+"/_apis/connectionData?connectOptions=1", "", nil, &loc), http.StatusOK)
		d := loc.LocationServiceData.ServiceDefinitions[0]
		path := strings.NewReplacer("{area}", d.ServiceType, "{poolId}", "1", "{resource}", d.DisplayName, "/{sessionId}", "").Replace(d.RelativePath)
		body := map[string]any{"OwnerName": "RUNNER", "Agent": map[string]any{"ID": c.id, "Name": "go"}, "UseFipsEncryption": false}
		old := c.auth.ServerURL + "/" + path + "?api-version=5.1-preview"
		w.want("session without a token", w.call(http.MethodPost, old, "", body, nil), http.StatusUnauthorized)
		c.algorithm = jwt.SigningMethodRS256
		c.login()
		c.access = strings.Replace(c.access, "Bearer", "bearer", 1)
		var s struct {
			SessionID              string
			BrokerMigrationMessage struct{ BrokerBaseURL string }
		}
		w.want("old session", w.call(http.MethodPost, old, c.access, body, &s), http.StatusOK)
		if want := w.URL + "/_runner/broker/"; s.BrokerMigrationMessage.BrokerBaseURL != want || s.SessionID == "" {
			t.Fatalf("session %+v, want a migration to %s", s, want)
		}
		c.auth.ServerURL = s.BrokerMigrationMessage.BrokerBaseURL + "/" // and so "//session"
		w.want("new session", c.open("RUNNER"), http.StatusOK)
		run := w.start(simple)
		a := w.do(http.MethodGet, c.auth.ServerURL+"message?sessionId="+c.session+"&runnerVersion=3.0.0&status=Online&disableUpdate=false", c.access, nil, "")
		var m struct{ MessageType, Body string }
		w.Must(json.Unmarshal(a.body, &m))
		if m.MessageType != "RunnerJobRequest" {
			t.Fatalf("message %+v, want an offer", m)
		}
		h := c.take(w.job(run).GUID)
		report := `{"PlanID":"` + h.msg.Plan.PlanID + `","JobID":"` + h.msg.JobID + `","Conclusion":"succeeded","Outputs":{"o":{"Value":"42","IsSecret":false}}}`
		a = w.do(http.MethodPost, w.URL+"/_runner//run//completejob", h.access, strings.NewReader(report), "application/json")
		w.want("completejob", a, http.StatusOK)
		if j := w.job(run); j.Conclusion != actions.Success || j.Outputs["o"] != "42" {
			t.Errorf("job %s with %v, want success with an output", j.Conclusion, j.Outputs)
		}

		// After a job it polls where it had opened its session first.
		d = loc.LocationServiceData.ServiceDefinitions[1]
		path = strings.NewReplacer("{area}", d.ServiceType, "{poolId}", "1", "{resource}", d.DisplayName, "/{messageId}", "").Replace(d.RelativePath)
		messages := strings.TrimSuffix(c.auth.ServerURL, "/") + "/" + path + "?sessionId=" + c.session + "&api-version=6.0-preview"
		w.want("old messages without a token", w.call(http.MethodGet, messages, "", nil, nil), http.StatusUnauthorized)
		a = w.call(http.MethodGet, messages, c.access, nil, nil)
		w.want("old messages", a, http.StatusForbidden)
		if !strings.Contains(string(a.body), `"typeName":"GitHub.DistributedTask.WebApi.TaskAgentSessionExpiredException, Sdk"`) {
			t.Errorf("old messages: %s", a.body)
		}
		w.want("end of the old session", w.call(http.MethodDelete, strings.Replace(old, "?", "/"+c.session+"?", 1), c.access, nil, nil), http.StatusNoContent)
		w.want("session again", w.call(http.MethodPost, old, c.access, body, nil), http.StatusOK)
	})
}
