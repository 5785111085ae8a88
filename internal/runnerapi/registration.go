package runnerapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/runners"
	"github.com/understudy-ci/understudy/internal/wire"
)

// exchangeToken serves POST /actions/runner-registration (REG-2).
func (a *API) exchangeToken(w http.ResponseWriter, r *http.Request) error {
	var req wire.RegistrationRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	remove := req.RunnerEvent == wire.EventRemove
	if !remove && req.RunnerEvent != wire.EventRegister {
		return actions.Errorf(actions.Invalid, "runner_event %.20q is neither %s nor %s", req.RunnerEvent, wire.EventRegister, wire.EventRemove)
	}
	shown, is := httpjson.Credentials(r, "RemoteAuth")
	if !is {
		return errRegistrationToken
	}
	t, err := a.Runners.CheckToken(r.Context(), shown, remove)
	if err != nil {
		return err
	}
	asked, err := a.placeOf(r.Context(), req.URL)
	if err != nil {
		return err
	}
	if t.Scope != asked {
		return runners.ErrToken
	}
	text, err := a.Runners.AdminToken(t, remove)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.RegistrationResponse{
		URL: configuredBroker(r, req.URL), TokenSchema: wire.TokenSchema, Token: text, UseV2Flow: true,
	})
}

// register serves POST /actions/runners/register (REG-3).
func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var req wire.RegisterRequest
	if err := httpjson.Decode(r, &req, 1<<20); err != nil {
		return err
	}
	scope, err := a.placeOf(r.Context(), req.URL)
	if err != nil {
		return err
	}
	by, err := a.mayRegister(r, scope)
	if err != nil {
		return err
	}
	key, err := wire.ParsePublicKeyXML(req.PublicKey)
	if err != nil {
		return actions.Errorf(actions.Invalid, "public_key: %w", err)
	}
	runner := &actions.Runner{
		Scope: scope, GroupID: req.GroupID, Name: req.Name, Version: req.Version, Ephemeral: req.Ephemeral, NoUpdate: req.UpdatesDisabled,
		URL: string(configuredBase(r, req.URL)),
	}
	for _, l := range req.Labels {
		runner.Labels = append(runner.Labels, actions.Label{Name: l.Name, System: l.Type == wire.LabelSystem})
	}
	if err := a.Runners.Register(actions.WithAccount(r.Context(), by), runner, key, req.Replace); err != nil {
		return err
	}
	at := configuredBase(r, req.URL)
	return httpjson.Write(w, http.StatusOK, wire.RegisterResponse{
		ID: wire.Int(runner.ID), Name: runner.Name,
		Authorization: wire.RunnerAuthorization{AuthorizationURL: at.token(), ServerURL: configuredBroker(r, req.URL), ClientID: runner.ClientID},
	})
}

// mayRegister is an error unless the request carries a registration token of the
// scope, or the token that one was exchanged for. It says which account made it.
func (a *API) mayRegister(r *http.Request, scope actions.Scope) (by int64, err error) {
	scheme, text := httpjson.Authorization(r)
	by, is, err := a.Runners.Admits(r.Context(), scheme, text, scope, false)
	if err == nil && !is {
		err = errRegistrationToken
	}
	return by, err
}

var errRegistrationToken = actions.Errorf(actions.Unauthorized, "a registration token is required")

// configuredBroker is where a runner that was configured with a URL finds the broker.
func configuredBroker(r *http.Request, given string) string {
	g, err := url.Parse(given)
	if err != nil {
		return configuredBase(r, given).broker()
	}
	return string(configuredBase(r, given)) + wire.OwnBrokerPath(g.Path)
}

// configuredBase is the base of the request with the port that the runner's own
// URL has: the official runner drops it from these two calls, and then insists
// that the URLs it is given have it (REG-1). A runner that was configured with HTTPS
// keeps it: a proxy that is not trusted may have taken TLS off.
func configuredBase(r *http.Request, given string) base {
	here := baseOf(r)
	u, err := url.Parse(string(here))
	if err != nil {
		return here
	}
	if g, err := url.Parse(given); err == nil && httpjson.CheckHost(g.Host) && strings.EqualFold(g.Hostname(), u.Hostname()) {
		u.Host = g.Host
		if g.Scheme == "https" {
			u.Scheme = g.Scheme
		}
	}
	return base(u.String())
}
