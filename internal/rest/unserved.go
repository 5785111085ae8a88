package rest

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/recent"
)

// notServedHeader tells a path that this server does not have from a thing that is not
// there: GitHub's answer is the same for both.
const notServedHeader = "X-Understudy-Not-Served"

const (
	notServedText = "no operation of this server has this method and path; its docs/compatibility.md lists those that it has"
	sayAgain      = time.Minute // after which the same operation stands in the log again
	sayAtMost     = 30          // operations a minute, so that nobody fills the log
	maxUnserved   = 1000        // operations that are remembered
	maxShown      = 100         // characters of what a caller wrote, in the log
)

// unserved answers what no route does, and says in the log what programs miss here.
type unserved struct {
	Config
	said   *recent.Cache[string, time.Time]
	budget *rate.Limiter
}

func newUnserved(c Config) *unserved {
	return &unserved{c, recent.New[string, time.Time](maxUnserved, maxUnserved), rate.NewLimiter(rate.Every(time.Minute/sayAtMost), sayAtMost)}
}

func (u *unserved) answer(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set(notServedHeader, notServedText)
	now, what := u.Now(), r.Method+" "+operation(r.URL.Path)
	if at, ok := u.said.Get(what); (!ok || now.Sub(at) >= sayAgain) && u.budget.AllowN(now, 1) {
		u.said.Put(what, now, 1)
		u.Log.InfoContext(r.Context(), "no such operation here", "operation", what, "user_agent", actions.Clip(r.UserAgent(), maxShown))
	}
	return ErrNotFound
}

// variable is a part of a path that names one thing of many.
var variable = regexp.MustCompile(`^([0-9]+|[0-9a-f]{40}|[0-9a-f-]{36})$`)

// operation is what paths of one operation have in common, as far as can be told
// without a list of them all.
func operation(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	names := map[string][]string{"repos": {"{owner}", "{repo}"}, "orgs": {"{org}"}, "users": {"{username}"}, "enterprises": {"{enterprise}"}}[parts[0]]
	for i, part := range parts[1:] {
		switch {
		case i < len(names):
			parts[i+1] = names[i]
		case variable.MatchString(part):
			parts[i+1] = "{id}"
		}
	}
	return "/" + actions.Clip(strings.Join(parts, "/"), maxShown)
}
