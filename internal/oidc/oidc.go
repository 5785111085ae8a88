// Package oidc issues OIDC tokens for jobs: statements, signed by this server, of which
// job it is that shows one. Others, such as cloud providers, trust them instead of a
// secret that the job would have to keep.
//
// [Issuer.Token] makes one for a job in progress. Its claims are those of the contexts
// github and job, by the names that GitHub gives them, and its subject is made of them as
// the repository and its organization have chosen (package settings). It is valid for
// five minutes. Whether the job may have one, its token says: the surface asks that.
//
// Issuer and default audience begin with one address, however the job reaches the server:
// whoever verifies a token compares its issuer with the one that they have been told.
//
// Keys are in the database, the private ones encrypted with a master key (package vault),
// so that all servers of a database sign with the same one. The first is made when it
// is needed; another follows after 90 days, and is published for a day before it signs.
// A key that has signed is published until all of its tokens have expired
// ([actions.SigningKeys]). Nothing runs for that: whoever asks for a token or for the keys
// finds out what is due. Each change is one transaction, so a server that dies in the
// middle, or another that does the same, leaves either the old keys or the new ones.
package oidc

import (
	"context"
	"io"
	"log/slog"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/settings"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/source"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/token"
	"github.com/understudy-ci/understudy/internal/vault"
)

// Config is what an Issuer needs. All fields are required; who only rotates keys needs
// none of those after the empty line.
type Config struct {
	Store  *store.Store
	Vault  *vault.Vault
	Log    *slog.Logger
	Now    func() time.Time
	Random io.Reader

	Settings *settings.Settings
	Sources  *source.Sources
	NewID    func() string
	Base     func() shape.Base // the address of the server for everybody
}

// An Issuer is safe for concurrent use.
type Issuer struct {
	Config

	known   *recent.Cache[struct{}, actions.SigningKeys]
	private *recent.Cache[string, *token.IDKey] // by id
	making  singleflight.Group
}

// New makes an Issuer.
func New(c Config) *Issuer {
	const enough = 4 // keys; one signs
	return &Issuer{Config: c, known: recent.New[struct{}, actions.SigningKeys](1, 1), private: recent.New[string, *token.IDKey](enough, enough)}
}

// URL names the issuer, as GitHub Enterprise Server's is named. Its documents are below.
func (i *Issuer) URL() string { return i.Base().HTML + Path }

// Path is where the issuer is on this server.
const Path = "/_services/token"

// backdate is for how long a token is valid already when it is made, for verifiers whose
// clock is late. GitHub's is.
const backdate = 10 * time.Minute

// Token makes a token for a job, for an audience, or for the owner of its repository where
// that is empty. A subject that needs what the job does not have is Invalid.
func (i *Issuer) Token(ctx context.Context, j *actions.Job, audience string) (string, error) {
	is, err := i.read(ctx, j)
	if err != nil {
		return "", err
	}
	subject, err := i.subject(ctx, is)
	if err != nil {
		return "", err
	}
	key, err := i.signing(ctx)
	if err != nil {
		return "", err
	}
	if audience == "" {
		audience = i.Base().HTML + "/" + is.repo.Owner.Login
	}
	now := i.Now()
	claims := map[string]any{
		"iss": i.URL(), "aud": audience, "sub": subject, "jti": i.NewID(),
		"iat": now.Unix(), "nbf": now.Add(-backdate).Unix(), "exp": now.Add(actions.IDTokenLife).Unix(),
	}
	for name, value := range is.claims {
		claims[name] = value
	}
	return key.Sign(claims)
}
