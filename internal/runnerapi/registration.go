package runnerapi

import (
	"crypto/rsa"
	"crypto/x509"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/wire"
)

// adminTokenLife is how long a runner may take from the exchange of its
// registration token to the end of its configuration.
const adminTokenLife = time.Hour

// createRegistrationToken serves POST …/actions/runners/registration-token.
func (a *API) createRegistrationToken(w http.ResponseWriter, r *http.Request) error {
	return a.issueToken(w, r, false)
}

// createRemoveToken serves POST …/actions/runners/remove-token.
func (a *API) createRemoveToken(w http.ResponseWriter, r *http.Request) error {
	return a.issueToken(w, r, true)
}

func (a *API) issueToken(w http.ResponseWriter, r *http.Request, remove bool) error {
	p, err := a.placeOf(r.Context(), r)
	if err != nil {
		return err
	}
	if err := a.mayManage(r, p); err != nil {
		return err
	}
	text, err := token.New(token.Registration, a.Random)
	if err != nil {
		return err
	}
	t := &actions.RegistrationToken{Hash: token.Hash(text), Remove: remove, Scope: p.scope, ExpiresAt: a.Now().Add(actions.RegistrationTokenLife)}
	if err := a.Store.CreateRegistrationToken(r.Context(), t); err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusCreated, struct {
		Token     string `json:"token"`
		ExpiresAt string `json:"expires_at"`
	}{text, shape.Time(t.ExpiresAt)})
}

// exchangeToken serves POST /actions/runner-registration (§2.2).
func (a *API) exchangeToken(w http.ResponseWriter, r *http.Request) error {
	var req wire.RegistrationRequest
	if err := httpjson.Decode(r, &req, 1<<16); err != nil {
		return err
	}
	remove := req.RunnerEvent == wire.EventRemove
	if !remove && req.RunnerEvent != wire.EventRegister {
		return actions.Errorf(actions.Invalid, "runner_event %.20q is neither %s nor %s", req.RunnerEvent, wire.EventRegister, wire.EventRemove)
	}
	t, is, err := a.remoteAuth(r, remove)
	if err != nil {
		return err
	}
	if !is {
		return actions.Errorf(actions.Unauthorized, "a registration token is required")
	}
	p, err := a.placeOfURL(r.Context(), req.URL)
	if err != nil {
		return err
	}
	if err := sameScope(t.Scope, p); err != nil {
		return err
	}
	now := a.Now()
	text, err := a.Keys.SignAdmin(token.Admin{Scope: adminScope(p.scope, remove), Expires: now.Add(adminTokenLife)}, now)
	if err != nil {
		return err
	}
	return httpjson.Write(w, http.StatusOK, wire.RegistrationResponse{
		URL: configuredBase(r, req.URL).broker(), TokenSchema: wire.TokenSchema, Token: text, UseV2Flow: true,
	})
}

// register serves POST /actions/runners/register (§2.3).
func (a *API) register(w http.ResponseWriter, r *http.Request) error {
	var req wire.RegisterRequest
	if err := httpjson.Decode(r, &req, 1<<18); err != nil {
		return err
	}
	p, err := a.placeOfURL(r.Context(), req.URL)
	if err != nil {
		return err
	}
	if err := a.mayRegister(r, p, false); err != nil {
		return err
	}
	if req.GroupID != 0 && req.GroupID != actions.DefaultGroupID {
		return actions.Errorf(actions.NotFound, "runner group %d", req.GroupID)
	}
	key, err := wire.ParsePublicKeyXML(req.PublicKey)
	if err != nil {
		return actions.Errorf(actions.Invalid, "public_key: %w", err)
	}
	runner := &actions.Runner{
		Scope: p.scope, Name: req.Name, Version: bounded(req.Version, maxWord), Ephemeral: req.Ephemeral, NoUpdate: req.UpdatesDisabled,
	}
	for _, l := range req.Labels {
		runner.Labels = append(runner.Labels, actions.Label{Name: l.Name, System: l.Type == wire.LabelSystem})
	}
	if err := a.saveRunner(r, runner, key, req.Replace); err != nil {
		return err
	}
	at := configuredBase(r, req.URL)
	return httpjson.Write(w, http.StatusOK, wire.RegisterResponse{
		ID: wire.Int(runner.ID), Name: runner.Name,
		Authorization: wire.RunnerAuthorization{AuthorizationURL: at.token(), ServerURL: at.broker(), ClientID: runner.ClientID},
	})
}

// configuredBase is the base of the request with the port that the runner's own
// URL has: the official runner drops it from these two calls, and then insists
// that the URLs it is given have it (§1).
func configuredBase(r *http.Request, given string) base {
	here := baseOf(r)
	u, err := url.Parse(string(here))
	if err != nil {
		return here
	}
	if g, err := url.Parse(given); err == nil && httpjson.CheckHost(g.Host) && strings.EqualFold(g.Hostname(), u.Hostname()) {
		u.Host = g.Host
	}
	return base(u.String())
}

// saveRunner adds the runner with its key. To replace one of the same name, that
// is deleted: its key, session and tokens are worth nothing from then on.
func (a *API) saveRunner(r *http.Request, runner *actions.Runner, key *rsa.PublicKey, replace bool) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	runner.PublicKey, runner.ClientID, runner.CreatedAt = der, a.NewID(), a.Now()
	if err := runner.Check(); err != nil {
		return err
	}
	ctx, replaced := r.Context(), int64(0)
	err = a.Store.Update(ctx, func(tx *store.Tx) error {
		replaced = 0
		if replace {
			old, _, err := tx.Runners(ctx, runner.Scope, runner.Name, store.Page{Number: 1, Size: 1})
			if err != nil {
				return err
			}
			for _, o := range old {
				replaced = o.ID
				if err := tx.DeleteRunner(ctx, o.ID); err != nil {
					return err
				}
			}
		}
		return tx.CreateRunner(ctx, runner)
	})
	if err != nil {
		return err
	}
	if replaced != 0 {
		a.release(replaced)
	}
	a.Log.InfoContext(ctx, "runner registered", "runner", runner.ID, "name", runner.Name, "labels", len(runner.Labels))
	return nil
}
