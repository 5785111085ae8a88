package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
)

// A movedError leads who asks for a repository by a name that it had to where it is.
type movedError struct{ to string }

func (e *movedError) Error() string { return "moved to " + e.to }

// moved is the answer to a request for a repository that was renamed: where it is, by its
// number, for who may know of it.
func (a *API) moved(r *http.Request, c *Call) error {
	if err := a.Auth.Can(r.Context(), c.Caller, c.Target(), auth.Metadata); err != nil {
		return err
	}
	to := c.Base.API + "/repositories/" + strconv.FormatInt(c.Repo.ID, 10)
	if parts := strings.SplitN(r.URL.EscapedPath(), "/", 5); len(parts) == 5 { // /repos/{owner}/{repo}/…
		to += "/" + parts[4]
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	return &movedError{to}
}

const redirectsURL = docsURL + "rest/guides/best-practices-for-integrators#follow-redirects"

// write answers with GitHub's redirect: one that keeps the method for what is no read.
func (e *movedError) write(w http.ResponseWriter, r *http.Request) error {
	status := http.StatusMovedPermanently
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusTemporaryRedirect
	}
	w.Header().Set("Location", e.to)
	return httpjson.Write(w, status, struct {
		Message          string `json:"message"`
		URL              string `json:"url"`
		DocumentationURL string `json:"documentation_url"`
	}{http.StatusText(status), e.to, redirectsURL})
}
