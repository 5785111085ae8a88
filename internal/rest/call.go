package rest

import (
	"context"
	"net/http"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/version"
)

// A Call is what is known of a request when its handler runs.
type Call struct {
	Caller  *auth.Caller // anonymous for a runner
	Runner  bool         // the caller shows a token to add or remove runners
	Version version.Version
	Base    shape.Base          // of the URLs in the answer
	Repo    *actions.Repository // of what is on a repository; shared, not to be changed
	Org     *actions.Account    // of what is on an organization

	auth  *auth.Auth
	by    int64     // of a runner: the account that made its token
	until time.Time // the answer is another from then on, without a change of the data; zero for never
}

type callKey struct{}

// CallOf returns what is known of a request that a handler of a [Route] has got.
func CallOf(r *http.Request) *Call {
	c, _ := r.Context().Value(callKey{}).(*Call)
	return c
}

// GoodUntil says that the answer is another from t on, though nothing is written.
func (c *Call) GoodUntil(t time.Time) {
	if c.until.IsZero() || t.Before(c.until) {
		c.until = t
	}
}

// May says whether the caller may do with what the request names what n says.
func (c *Call) May(ctx context.Context, n auth.Need) (bool, error) {
	return c.auth.May(ctx, c.Caller, c.Target(), n)
}

// Target is what the request names.
func (c *Call) Target() auth.Target { return auth.Target{Org: c.Org, Repo: c.Repo} }

// Scope is where runners are that the request is about: those of the repository
// or organization, or of the whole site.
func (c *Call) Scope() actions.Scope {
	switch {
	case c.Repo != nil:
		return actions.Scope{RepoID: c.Repo.ID}
	case c.Org != nil:
		return actions.Scope{OwnerID: c.Org.ID}
	}
	return actions.Scope{}
}
