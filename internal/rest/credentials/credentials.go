// Package credentials is the page "Revocation" of the reference.
package credentials

import (
	"log/slog"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

// Routes are the operations of the page.
func Routes(au *auth.Auth, log *slog.Logger) []rest.Route {
	p := &page{au, log}
	return []rest.Route{
		{Pattern: "POST /credentials/revoke", Handle: p.revoke, Docs: "rest/credentials/revoke#revoke-a-list-of-credentials", Need: auth.Need{On: auth.Site, Public: true}},
	}
}

type page struct {
	auth *auth.Auth
	log  *slog.Logger
}

// maxCredentials is GitHub's own limit of a request.
const maxCredentials = 1000

// revoke serves POST /credentials/revoke. Who has a token may revoke it, whoever that
// is. The answer does not say which of them were tokens here.
func (p *page) revoke(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Credentials []string `json:"credentials"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if n := len(body.Credentials); n == 0 || n > maxCredentials {
		return actions.Errorf(actions.Invalid, "credentials must be 1 to %d tokens", maxCredentials)
	}
	for _, text := range body.Credentials {
		t, err := p.auth.RevokePersonal(r.Context(), text)
		if err != nil {
			return err
		}
		if t != nil {
			p.log.InfoContext(r.Context(), "token revoked", "token", t.ID, "account", t.AccountID)
		}
	}
	return rest.Done(w, http.StatusAccepted)
}
