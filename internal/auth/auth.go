package auth

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// Auth is safe for concurrent use.
type Auth struct {
	store *store.Store
	now   func() time.Time

	callers      *recent.Cache[[sha256.Size]byte, *Caller]
	repositories *recent.Cache[repositoryName, *actions.Repository]
	permissions  *recent.Cache[permissionKey, actions.Permission]
}

const maxEntries = 10_000 // of each cache

type repositoryName struct{ owner, name string } // lower case

type permissionKey struct{ accountID, repoID int64 }

// New makes an Auth on a store.
func New(st *store.Store, now func() time.Time) *Auth {
	return &Auth{
		store: st, now: now,
		callers:      recent.New[[sha256.Size]byte, *Caller](maxEntries, maxEntries),
		repositories: recent.New[repositoryName, *actions.Repository](maxEntries, maxEntries),
		permissions:  recent.New[permissionKey, actions.Permission](maxEntries, maxEntries),
	}
}

// A Caller is who sent a request.
type Caller struct {
	Account *actions.Account // nil for who has not signed in; shared, not to be changed
	Token   *actions.Token   // nil exactly when Account is
}

// Anonymous says whether the caller has not signed in.
func (c *Caller) Anonymous() bool { return c.Account == nil }

// Job is the id of the job whose token the caller shows, 0 for others.
func (c *Caller) Job() int64 {
	if c.Token == nil {
		return 0
	}
	return c.Token.JobID
}

// HasScope says whether the caller's token has a scope of classic tokens, such
// as "workflow". A browser's session has all of them, other tokens none.
func (c *Caller) HasScope(scope string) bool {
	if c.Token == nil {
		return false
	}
	return c.Token.Kind == actions.WebSession || c.Token.Kind == actions.Classic && c.Token.HasScope(scope)
}

var errBadCredentials = actions.Errorf(actions.Unauthorized, "Bad credentials")

// maxToken is longer than any token.
const maxToken = 1024

// Authenticate says who sent r by its Authorization header. Without one that is
// nobody; with one that does not hold it is an error, Unauthorized.
func (a *Auth) Authenticate(r *http.Request) (*Caller, error) {
	if k, ok := r.Context().Value(knownKey{}).(*known); ok {
		return k.caller, k.err
	}
	if r.Header.Get("Authorization") == "" {
		return &Caller{}, nil
	}
	return a.caller(r.Context(), credentials(r), false)
}

// Token says who shows a token that came by another way than a header, as a
// form in which people sign in.
func (a *Auth) Token(ctx context.Context, token string) (*Caller, error) {
	return a.caller(ctx, token, false)
}

// Cookie is the name of the cookie that holds a browser's session.
const Cookie = "understudy_session"

// Session says who sent r by its cookie. A cookie that does not hold is nobody's.
func (a *Auth) Session(r *http.Request) (*Caller, error) {
	cookie, err := r.Cookie(Cookie)
	if err != nil {
		return &Caller{}, nil // there is none
	}
	c, err := a.caller(r.Context(), cookie.Value, true)
	if actions.KindOf(err) == actions.Unauthorized {
		return &Caller{}, nil
	}
	return c, err
}

// credentials is the token in an Authorization header, empty for none. In Basic
// it is the password, or the user's name when there is no password.
func credentials(r *http.Request) string {
	scheme, text := httpjson.Authorization(r)
	switch strings.ToLower(scheme) {
	case "bearer", "token":
		return text
	case "basic":
		user, password, _ := r.BasicAuth()
		if password == "" || password == "x-oauth-basic" {
			return user
		}
		return password
	}
	return ""
}

func (a *Auth) caller(ctx context.Context, token string, web bool) (*Caller, error) {
	if len(token) > maxToken || !shaped(token) {
		return nil, errBadCredentials
	}
	now := a.now()
	hash := sha256.Sum256([]byte(token))
	revision := a.store.Revision(store.AccessTopic())
	c, ok := a.callers.GetAt(hash, revision)
	if !ok {
		var err error
		if c, err = a.load(ctx, hash, now); err != nil {
			return nil, err
		}
		if c.Token.Kind != actions.JobToken {
			a.callers.PutAt(hash, c, 1, revision)
		}
	}
	if c.Token.Expired(now) || web != (c.Token.Kind == actions.WebSession) {
		return nil, errBadCredentials
	}
	return c, nil
}

// usedEvery is how exact a token's time of last use is.
const usedEvery = time.Minute

func (a *Auth) load(ctx context.Context, hash [sha256.Size]byte, now time.Time) (*Caller, error) {
	t, err := a.store.TokenByHash(ctx, hash[:])
	if actions.KindOf(err) == actions.NotFound {
		return nil, errBadCredentials
	} else if err != nil {
		return nil, err
	}
	account, err := a.store.Account(ctx, t.AccountID)
	if err != nil {
		return nil, err
	}
	if account.Suspended {
		return nil, errBadCredentials
	}
	if t.CreatorID != 0 {
		creator, err := a.store.Account(ctx, t.CreatorID)
		if err != nil {
			return nil, err
		}
		if creator.Suspended {
			return nil, errBadCredentials
		}
	}
	if now.Sub(t.LastUsedAt) > usedEvery && t.Kind != actions.JobToken {
		a.store.TokenUsed(t.ID, now)
	}
	return &Caller{account, t}, nil
}
