package runnerapi_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	site    = "enterprises/understudy"
	repo    = "repos/octo/hello"
	urlPath = "octo/hello"
)

// exchange trades a registration token.
func (w *world) exchange(authorization, urlPath, event string, out *wire.RegistrationResponse) *answer {
	w.t.Helper()
	if out == nil {
		out = &wire.RegistrationResponse{}
	}
	in := wire.RegistrationRequest{URL: w.URL + "/" + urlPath, RunnerEvent: event}
	return w.call(http.MethodPost, "/api/v3/actions/runner-registration", authorization, in, out)
}

func TestRegistrationTokensAreGoodForOneThing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		reg, remove := w.registrationToken(repo, "registration-token"), w.registrationToken(repo, "remove-token")
		other := w.registrationToken("repos/mona/other", "registration-token")
		for _, c := range []struct {
			name, authorization, urlPath, event string
			want                                int
		}{
			{"as it should be", "RemoteAuth " + reg, urlPath, "register", 200},
			{"scheme in another case", "remoteauth " + reg, urlPath, "register", 200},
			{"name in another case", "RemoteAuth " + reg, "Octo/HELLO", "register", 200},
			{"a clone URL", "RemoteAuth " + reg, "octo/hello.git", "register", 200},
			{"to remove", "RemoteAuth " + remove, urlPath, "remove", 200},
			{"a remove token to register", "RemoteAuth " + remove, urlPath, "register", 404},
			{"a registration token to remove", "RemoteAuth " + reg, urlPath, "remove", 200},
			{"of another repository", "RemoteAuth " + other, urlPath, "register", 404},
			{"for the site", "RemoteAuth " + reg, site, "register", 404},
			{"for an organization", "RemoteAuth " + reg, "guild", "register", 404},
			{"for nothing", "RemoteAuth " + reg, "octo/nothing", "register", 404},
			{"made up", "RemoteAuth AAAAAAAAAAAAAAAAAAAAAAAAAAAAA", urlPath, "register", 404},
			{"no token, a private repository", "", urlPath, "register", 401},
			{"no token, no repository", "", "octo/nothing", "register", 401},
			{"a person's token", "token " + w.admin, urlPath, "register", 401},
			{"another event", "RemoteAuth " + reg, urlPath, "destroy", 422},
			{"a URL of three parts", "RemoteAuth " + reg, "octo/hello/actions", "register", 422},
			{"a URL of none", "RemoteAuth " + reg, "", "register", 422},
		} {
			if a := w.exchange(c.authorization, c.urlPath, c.event, nil); a.status != c.want {
				t.Errorf("%s: %d %s, want %d", c.name, a.status, a.body, c.want)
			}
		}
		w.Pass(time.Hour)
		w.want("after an hour", w.exchange("RemoteAuth "+reg, urlPath, "register", nil), http.StatusNotFound)
	})
}

// What a token was exchanged for may do no more than the token itself.
func TestAdminTokensAreGoodForOneThing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var register, remove wire.RegistrationResponse
		w.want("register", w.exchange("RemoteAuth "+w.registrationToken(repo, "registration-token"), urlPath, "register", &register), http.StatusOK)
		w.want("remove", w.exchange("RemoteAuth "+w.registrationToken(repo, "remove-token"), urlPath, "remove", &remove), http.StatusOK)
		c := w.runnerOf(repo, urlPath, "box")
		runner := "/api/v3/" + repo + "/actions/runners/" + strconv.FormatInt(int64(c.id), 10)
		in := w.request(urlPath, "second")
		const path = "/api/v3/actions/runners/register"
		w.want("register with a remove token", w.call(http.MethodPost, path, "Bearer "+remove.Token, in, nil), http.StatusNotFound)
		w.want("register elsewhere", w.call(http.MethodPost, path, "Bearer "+register.Token, w.request("mona/other", "second"), nil), http.StatusNotFound)
		w.want("groups elsewhere", w.call(http.MethodGet, "/api/v3/orgs/guild/actions/runner-groups", "Bearer "+register.Token, nil, nil), http.StatusNotFound)
		w.want("register", w.call(http.MethodPost, path, "bearer "+register.Token, in, nil), http.StatusOK)
		w.want("remove with a registration token", w.call(http.MethodDelete, runner, "Bearer "+register.Token, nil, nil), http.StatusNoContent)
		w.want("as a runner", w.call(http.MethodPost, "/_runner/broker/session", "Bearer "+register.Token, nil, nil), http.StatusUnauthorized)
		w.want("remove what is gone", w.call(http.MethodDelete, runner, "Bearer "+remove.Token, nil, nil), http.StatusNoContent)
	})
}

func TestRegistrationsThatMakeNoRunner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		reg := w.registrationToken(repo, "registration-token")
		small, err := rsa.GenerateKey(rand.Reader, 1024)
		w.Must(err)
		w.runnerOf(repo, urlPath, "box")
		for name, c := range map[string]struct {
			change func(*wire.RegisterRequest)
			want   int
		}{
			"name in use":        {func(r *wire.RegisterRequest) { r.Name = "box" }, 409},
			"name in other case": {func(r *wire.RegisterRequest) { r.Name = "BOX" }, 409},
			"65 characters":      {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("ü", 65) }, 422},
			"33 emoji":           {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("🏃", 33) }, 422},
			"32 emoji":           {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("🏃", 32) }, 200},
			"64 characters":      {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("ü", 64) }, 200},
			"4,000 labels":       {func(r *wire.RegisterRequest) { r.Labels = manyLabels(4_000) }, 422},
			"10,000 labels":      {func(r *wire.RegisterRequest) { r.Labels = manyLabels(10_000) }, 422},
			"64 emoji":           {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("🏃", 64) }, 422},
			"blank labels":       {func(r *wire.RegisterRequest) { r.Labels = []wire.RunnerLabel{{Name: " "}} }, 422},
			"no name":            {func(r *wire.RegisterRequest) { r.Name = "" }, 422},
			"long name":          {func(r *wire.RegisterRequest) { r.Name = strings.Repeat("x", 65) }, 422},
			"NUL in the name":    {func(r *wire.RegisterRequest) { r.Name = "a\x00b" }, 422},
			"no labels":          {func(r *wire.RegisterRequest) { r.Labels = nil }, 422},
			"101 labels":         {func(r *wire.RegisterRequest) { r.Labels = make([]wire.RunnerLabel, 101) }, 422},
			"label with a comma": {func(r *wire.RegisterRequest) { r.Labels[0].Name = "a,b" }, 422},
			"long label":         {func(r *wire.RegisterRequest) { r.Labels[0].Name = strings.Repeat("x", 257) }, 422},
			"no key":             {func(r *wire.RegisterRequest) { r.PublicKey = "" }, 422},
			"short key":          {func(r *wire.RegisterRequest) { r.PublicKey = wire.PublicKeyXML(&small.PublicKey) }, 422},
			"another group":      {func(r *wire.RegisterRequest) { r.GroupID = 7 }, 404},
			"no URL":             {func(r *wire.RegisterRequest) { r.URL = "" }, 422},
			"NUL in the URL":     {func(r *wire.RegisterRequest) { r.URL = "http://h/octo/a\x00b" }, 422},
			"NUL in the version": {func(r *wire.RegisterRequest) { r.Version = "2\x00" + strings.Repeat("é", 99) }, 200},
		} {
			req := w.request(urlPath, "new "+name)
			c.change(req)
			if a := w.call(http.MethodPost, "/api/v3/actions/runners/register", "RemoteAuth "+reg, req, nil); a.status != c.want {
				t.Errorf("%s: %d %s, want %d", name, a.status, a.body, c.want)
			}
		}
	})
}

func manyLabels(n int) []wire.RunnerLabel {
	labels := make([]wire.RunnerLabel, n)
	for i := range labels {
		labels[i].Name = fmt.Sprint("l", i)
	}
	return labels
}

func TestLabelsAreTrimmedAndKeptOnce(t *testing.T) {
	w := newWorld(t, nil)
	req := w.request(urlPath, "box")
	req.Labels = []wire.RunnerLabel{
		{Name: "self-hosted", Type: wire.LabelSystem},
		{Name: "gpu", Type: wire.LabelUser},
		{Name: " big ", Type: wire.LabelUser},
		{Name: "", Type: wire.LabelUser},
		{Name: "GPU", Type: wire.LabelUser},
		{Name: " linux", Type: wire.LabelUser},
	}
	c := w.register(req, w.registrationToken(repo, "registration-token"))
	got := w.call(http.MethodGet, fmt.Sprintf("/api/v3/repos/octo/hello/actions/runners/%d", c.id), "Bearer "+w.admin, nil, nil).body
	want := `"os":"Linux","status":"offline","busy":false,"ephemeral":false,"version":null,"labels":[{"id":4,"name":"self-hosted","type":"read-only"},` +
		`{"id":2,"name":"gpu","type":"custom"},{"id":1,"name":"big","type":"custom"},{"id":3,"name":"linux","type":"custom"}]`
	if !strings.Contains(string(got), want) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Threat: whoever can reach the server learns which private repositories there are.
func TestARegistrationTokenDoesNotTellWhatExists(t *testing.T) {
	w := newWorld(t, nil)
	other := w.registrationToken("repos/mona/other", "registration-token")
	for name, auth := range map[string]string{
		"made up":   "RemoteAuth AAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"elsewhere": "RemoteAuth " + other,
		"not one":   "Bearer not-a-token",
		"none":      "",
	} {
		for what, ask := range map[string]func(place string) *answer{
			"exchange": func(place string) *answer {
				return w.call(http.MethodPost, "/api/v3/actions/runner-registration", auth, map[string]string{"url": w.URL + "/" + place, "runner_event": "register"}, nil)
			},
			"register": func(place string) *answer {
				return w.call(http.MethodPost, "/api/v3/actions/runners/register", auth, w.request(place, "x"), nil)
			},
			"groups": func(place string) *answer {
				return w.call(http.MethodGet, "/api/v3/repos/"+place+"/actions/runner-groups", auth, nil, nil)
			},
			"remove": func(place string) *answer {
				return w.call(http.MethodDelete, "/api/v3/repos/"+place+"/actions/runners/1", auth, nil, nil)
			},
		} {
			here, nowhere := ask("octo/hello"), ask("octo/nothing")
			if here.status != nowhere.status || string(here.body) != string(nowhere.body) || here.status < 400 {
				t.Errorf("%s, %s:\n%d %s where there is a repository,\n%d %s where there is none", name, what, here.status, here.body, nowhere.status, nowhere.body)
			}
		}
	}
}

func TestAReplacedRunnerIsWorthNothing(t *testing.T) { // REG-3
	each(t, func(t *testing.T, w *world) {
		old := w.runnerOf(repo, urlPath, "box")
		req := w.request(urlPath, "box")
		key, err := otherKey()
		w.Must(err)
		req.PublicKey, req.Replace, req.RunnerID = wire.PublicKeyXML(&key.PublicKey), true, old.id
		fresh := w.register(req, w.registrationToken(repo, "registration-token"))
		fresh.key = key
		fresh.connect()
		a := old.authorize(old.assertion(nil), nil)
		if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), wire.ErrInvalidClient) {
			t.Errorf("token for the old key: %d %s, want 400 invalid_client (AUTH-1)", a.status, a.body)
		}
		a, _ = old.ask(wire.StatusOnline)
		w.wantSource("poll with the old token", a, http.StatusNotFound, wire.BrokerSource, wire.RunnerNotFound)
		a, _ = old.acquire(w.job(w.start(simple)).GUID)
		w.wantSource("acquire with the old token", a, http.StatusNotFound, wire.RunServiceSource, "")
		_, n, err := w.Store.Runners(t.Context(), actions.Scope{RepoID: w.hello.ID}, "", storePage)
		if err != nil || n != 1 {
			t.Errorf("%d runners, %v; want one", n, err)
		}
	})
}

func TestAssertionsThatProveNothing(t *testing.T) { // AUTH-1
	each(t, func(t *testing.T, w *world) {
		c := w.register(w.request(site, "box"), w.registrationToken(site, "registration-token"))
		key, err := otherKey()
		w.Must(err)
		forged := *c
		forged.key = key
		none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims{"sub": c.auth.ClientID, "iss": c.auth.ClientID}).SignedString(jwt.UnsafeAllowNoneSignatureType)
		w.Must(err)
		for name, test := range map[string]struct{ assertion, code, text string }{
			"another key":      {forged.assertion(nil), "invalid_request", ""},
			"no signature":     {none, "invalid_request", ""},
			"no assertion":     {"", "invalid_request", ""},
			"garbage":          {"a.b.c", "invalid_request", ""},
			"another audience": {c.assertion(func(m jwt.MapClaims) { m["aud"] = "https://evil.test/_runner/token/" }), "invalid_request", ""},
			"another issuer":   {c.assertion(func(m jwt.MapClaims) { m["iss"] = "x" }), "invalid_request", ""},
			"NUL as client":    {c.assertion(func(m jwt.MapClaims) { m["sub"] = "\x00" }), "invalid_request", ""},
			"unknown client":   {c.assertion(func(m jwt.MapClaims) { m["sub"] = "6f9619ff-8b86-4011-b42d-00c04fc964ff" }), wire.ErrInvalidClient, ""},
			"clock 10 m late":  {c.assertion(func(m jwt.MapClaims) { m["exp"] = w.Now().Add(-10 * time.Minute).Unix() }), "invalid_request", "Current server time is"},
		} {
			a := c.authorize(test.assertion, nil)
			if a.status != http.StatusBadRequest || !strings.Contains(string(a.body), `"error":"`+test.code+`"`) || !strings.Contains(string(a.body), test.text) || a.header.Get("Content-Length") == "" {
				t.Errorf("%s: %d %s, want 400 %s %q with a Content-Length", name, a.status, a.body, test.code, test.text)
			}
		}
		late := c.assertion(func(m jwt.MapClaims) {
			m["exp"], m["nbf"] = w.Now().Add(-4*time.Minute).Unix(), w.Now().Add(-9*time.Minute).Unix()
		})
		w.want("a clock that is four minutes late", c.authorize(late, nil), http.StatusOK)
		https := c.assertion(func(m jwt.MapClaims) { m["aud"] = strings.Replace(c.auth.AuthorizationURL, "http:", "https:", 1) })
		w.want("behind a proxy that takes TLS off", c.authorize(https, nil), http.StatusOK)
		w.want("a form of another kind", w.do(http.MethodPost, c.auth.AuthorizationURL, "", strings.NewReader("grant_type=password"), "application/x-www-form-urlencoded"), http.StatusBadRequest)
		w.want("a form of a megabyte", w.do(http.MethodPost, c.auth.AuthorizationURL, "", strings.NewReader("grant_type="+strings.Repeat("x", 1<<20)), "application/x-www-form-urlencoded"), http.StatusBadRequest)
	})
}

// Threat: an assertion that was seen on the way, or that was made for another server,
// gives a token to whoever shows it.
func TestAnAssertionIsGoodOnceAndForOneServer(t *testing.T) { // AUTH-1
	each(t, func(t *testing.T, w *world) {
		c := w.register(w.request(site, "box"), w.registrationToken(site, "registration-token"))
		once := c.assertion(nil)
		w.want("once", c.authorize(once, nil), http.StatusOK)
		again := c.authorize(once, nil)
		if w.want("again", again, http.StatusBadRequest); !strings.Contains(string(again.body), "used before") {
			t.Errorf("again: %s", again.body)
		}
		w.want("another one", c.authorize(c.assertion(nil), nil), http.StatusOK)

		var port string
		_, port, _ = strings.Cut(strings.TrimPrefix(w.URL, "http://"), ":")
		c.auth.AuthorizationURL = "http://localhost:" + port + "/_runner/token/"
		w.want("for another name of the server", c.authorize(c.assertion(nil), nil), http.StatusBadRequest)
	})
}

// The official runner calls these two without the port, and then wants it back (REG-1).
func TestURLsKeepThePortOfTheRunnersOwnURL(t *testing.T) {
	w := newWorld(t, nil)
	reg := w.registrationToken(repo, "registration-token")
	for given, want := range map[string]string{
		"http://127.0.0.1:3000/octo/hello": "http://127.0.0.1:3000",
		"http://127.0.0.1/octo/hello":      "http://127.0.0.1",
		"http://evil.test/octo/hello":      w.URL,
	} {
		var tenant wire.RegistrationResponse
		in := wire.RegistrationRequest{URL: given, RunnerEvent: "register"}
		w.want(given, w.call(http.MethodPost, "/api/v3/actions/runner-registration", "RemoteAuth "+reg, in, &tenant), http.StatusOK)
		req := w.request(urlPath, "box")
		req.URL, req.Replace = given, true
		c := w.register(req, reg)
		if tenant.URL != want+"/_runner-octo.hello/broker/" || c.auth.ServerURL != tenant.URL || c.auth.AuthorizationURL != want+"/_runner/token/" {
			t.Errorf("%s: %s and %+v, want URLs of %s", given, tenant.URL, c.auth, want)
		}
	}
}
