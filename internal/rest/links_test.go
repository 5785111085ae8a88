package rest_test

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

// unanswered are the URLs of answers that lead nowhere, and why. A parameter stands for
// whatever is there; below the API, paths are GitHub's own.
var unanswered = map[string]string{
	// What GitHub has beside Actions, and this server has not.
	"/repos/{owner}/{repo}/assignees/{user}":       notHere,
	"/repos/{owner}/{repo}/issues":                 notHere,
	"/repos/{owner}/{repo}/issues/comments":        notHere,
	"/repos/{owner}/{repo}/issues/events":          notHere,
	"/repos/{owner}/{repo}/labels":                 notHere,
	"/repos/{owner}/{repo}/milestones":             notHere,
	"/repos/{owner}/{repo}/comments":               notHere,
	"/repos/{owner}/{repo}/commits/{sha}/comments": notHere,
	"/repos/{owner}/{repo}/contributors":           notHere,
	"/repos/{owner}/{repo}/downloads":              notHere,
	"/repos/{owner}/{repo}/events":                 notHere,
	"/repos/{owner}/{repo}/keys":                   notHere,
	"/repos/{owner}/{repo}/languages":              notHere,
	"/repos/{owner}/{repo}/merges":                 notHere,
	"/repos/{owner}/{repo}/notifications":          notHere,
	"/repos/{owner}/{repo}/stargazers":             notHere,
	"/repos/{owner}/{repo}/subscribers":            notHere,
	"/repos/{owner}/{repo}/subscription":           notHere,
	"/orgs/{org}/events":                           notHere,
	"/orgs/{org}/issues":                           notHere,
	"/orgs/{org}/public_members":                   notHere,
	"/users/{username}/events":                     notHere,
	"/users/{username}/followers":                  notHere,
	"/users/{username}/following":                  notHere,
	"/users/{username}/gists":                      notHere,
	"/users/{username}/received_events":            notHere,
	"/users/{username}/starred/{owner}/{repo}":     notHere,
	"/users/{username}/subscriptions":              notHere,
	"/authorizations":                              notHere,
	"/emojis":                                      notHere,
	"/events":                                      notHere,
	"/feeds":                                       notHere,
	"/gists":                                       notHere,
	"/gists/public":                                notHere,
	"/gists/starred":                               notHere,
	"/hub":                                         notHere,
	"/issues":                                      notHere,
	"/notifications":                               notHere,
	"/search/{of}":                                 notHere,
	"/user/emails":                                 notHere,
	"/user/followers":                              notHere,
	"/user/following":                              notHere,
	"/user/keys":                                   notHere,
	"/user/starred/{owner}/{repo}":                 notHere,
	"/settings/connections/applications":           notHere,

	"/repos/{owner}/{repo}/compare/{x}":              later,
	"/repos/{owner}/{repo}/issues/{number}":          notHere,
	"/repos/{owner}/{repo}/issues/{number}/comments": notHere,
	"/repos/{owner}/{repo}/pulls/{number}/comments":  notHere,
	"/repos/{owner}/{repo}/pulls/comments":           notHere,
	"/{owner}/{repo}/pull/{file}":                    later, // N.diff and N.patch
	"/repos/{owner}/{repo}/hooks":                    later,
	"/repos/{owner}/{repo}/teams":                    later,
	"/orgs/{org}/hooks":                              later,
	"/orgs/{org}/members":                            later,
	"/orgs/{org}/teams":                              later,
	"/user/orgs":                                     later,
	"/users/{username}/orgs":                         later,
	"/repos/{owner}/{repo}/git/blobs/{sha}":          later,
	"/repos/{owner}/{repo}/git/commits/{x}":          later,
	"/repos/{owner}/{repo}/git/tags/{sha}":           later,
	"/repos/{owner}/{repo}/git/refs/{sha}":           "the name of a ref is put there, and then as below",
	"/repos/{owner}/{repo}/git/trees/{sha}":          later,

	"/{owner}/{repo}/raw/{sha}/{file}":             later,
	"/{owner}/{repo}/raw/{sha}/{dir}/{dir}/{file}": later,

	"/repos/{owner}/{repo}/git/refs/{kind}/{name}": "it is changed and deleted there; GET is at /git/ref",
	"/repos/{owner}/{repo}/collaborators":          "only one is asked for: /collaborators/{username}",
	"/repos/{owner}/{repo}/actions/runs/{id}/logs": "the run waits, and has no logs",
	"/users/github":       "GitHub itself owns the app of Actions, and has no account here",
	"/users/github/repos": "as above",
	"/github":             "as above",
}

const (
	notHere = "this server has no such thing"
	later   = "comes with a later issue"
)

// posted are the fields whose URL is for another method than GET.
var posted = []string{"cancel_url", "rerun_url"}

// A link is a URL in an answer, and where it was found first.
type link struct{ url, field, in string }

// linksOf finds every URL of the site in a value of JSON.
func linksOf(site, field, in string, v any, found map[string]link) {
	switch v := v.(type) {
	case map[string]any:
		for name, x := range v {
			linksOf(site, name, in, x, found)
		}
	case []any:
		for _, x := range v {
			linksOf(site, field, in, x, found)
		}
	case string:
		if _, has := found[v]; !has && strings.HasPrefix(v, site) {
			found[v] = link{v, field, in}
		}
	}
}

// expand puts values into a URI template. What only narrows a list is left out.
func expand(template string, values map[string]string) string {
	return uriParameter.ReplaceAllStringFunc(template, func(p string) string {
		name := strings.Trim(p, "{}")
		switch name[0] {
		case '?', '&':
			return ""
		case '/':
			if v, ok := values[name[1:]]; ok {
				return "/" + v
			}
			return ""
		}
		return values[strings.TrimPrefix(name, "+")]
	})
}

var uriParameter = regexp.MustCompile(`\{[^}]*\}`)

// excuse finds the line of unanswered for a path.
func excuse(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/api/v3"), "/")
	best := ""
	for pattern := range unanswered {
		of := strings.Split(pattern, "/")
		if len(of) != len(parts) {
			continue
		}
		fits := true
		for i, p := range of {
			fits = fits && (strings.HasPrefix(p, "{") || p == parts[i])
		}
		if fits && (best == "" || strings.Count(pattern, "{") < strings.Count(best, "{")) {
			best = pattern
		}
	}
	return best
}

// pagesOf is a client that has signed in to the pages.
func pagesOf(s *resttest.Site, token string) func(to string) int {
	s.Helper()
	send := func(r *http.Request, err error) *http.Response {
		s.Must(err)
		res, err := s.Client.Do(r)
		s.Must(err)
		s.Must(res.Body.Close())
		return res
	}
	form := url.Values{"token": {token}}.Encode()
	r, err := http.NewRequestWithContext(s.Context(), http.MethodPost, s.URL+"/login", strings.NewReader(form))
	s.Must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	var session *http.Cookie
	for _, c := range send(r, nil).Cookies() {
		if c.Name == auth.Cookie {
			session = c
		}
	}
	if session == nil {
		s.Fatal("nobody has signed in")
	}
	return func(to string) int {
		r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, to, nil)
		s.Must(err)
		r.AddCookie(session)
		return send(r, nil).StatusCode
	}
}

// Who is allowed everything follows every URL of every answer: it leads somewhere, or
// stands in a list that says why not.
func TestEveryURLOfAnAnswerLeadsSomewhere(t *testing.T) {
	s := resttest.New(t)
	w := newClientWorld(s)
	w.enterpriseSelects()
	found := make(map[string]link)
	served := make(map[string]bool)
	for _, rt := range s.Server.Routes() {
		method, pattern, _ := strings.Cut(rt.Pattern, " ")
		served[unnamed(rt.Pattern)] = true
		path, ok := w.fill(pattern)
		if method != http.MethodGet || !ok || strings.HasSuffix(path, "/audit-log") {
			continue
		}
		a := s.Do(method, path, w.token, nil)
		var v any
		if json.Unmarshal(a.Text, &v) == nil {
			linksOf(s.URL, "", pattern, v, found)
		}
		for part := range strings.SplitSeq(a.Header.Get("Link"), ",") {
			if to, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(part), "<"), ">"); ok {
				linksOf(s.URL, "Link", pattern, to, found)
			}
		}
	}
	page := pagesOf(s, w.token)
	sha := s.Want(s.Do(http.MethodGet, "/repos/guild/hello/commits/main", w.token, nil), http.StatusOK).JSON(t)["sha"].(string)
	values := map[string]string{
		"owner": "guild", "org": "guild", "repo": "hello", "user": "alice", "query": "x", "sha": sha, "ref": "main",
		"archive_format": "tarball", "path": "README.md", "base": "main", "head": "main", "repository_id": "1",
	}
	used, followed := make(map[string]bool), 0
	for _, l := range slices.SortedFunc(maps.Values(found), func(a, b link) int { return cmp.Compare(a.url, b.url) }) {
		to := expand(l.url, values)
		u, err := url.Parse(to)
		if err != nil {
			t.Errorf("%s of %s: %v", l.field, l.in, err)
			continue
		}
		if l.field == "upload_url" {
			if !served["POST /repos/{}/{}/releases/{}/assets"] || !strings.HasPrefix(u.Path, "/api/uploads/repos/guild/hello/releases/") {
				t.Errorf("nobody serves POST %s", u.Path)
			}
			continue
		}
		if slices.Contains(posted, l.field) {
			if !served["POST /repos/{}/{}/actions/runs/{}/"+to[strings.LastIndex(to, "/")+1:]] {
				t.Errorf("%s of %s: nobody serves POST %s", l.field, l.in, u.Path)
			}
			continue
		}
		followed++
		status := 0
		switch {
		case l.field == "clone_url":
			status = page(to + "/info/refs?service=git-upload-pack")
			if status == http.StatusUnauthorized { // git asks, and then says who it is
				status = s.Do(http.MethodGet, to+"/info/refs?service=git-upload-pack", w.token, nil).StatusCode
			}
		case strings.HasPrefix(u.Path, "/api/v3"):
			status = s.Do(http.MethodGet, to, w.token, nil).StatusCode
		default:
			status = page(to)
		}
		if status < http.StatusBadRequest {
			continue
		}
		e := excuse(u.Path)
		if used[e] = true; e == "" {
			t.Errorf("%s of %s: %s answers %d", l.field, l.in, to, status)
		}
	}
	for e, why := range unanswered {
		if !used[e] {
			t.Errorf("%s (%s) needs no excuse", e, why)
		}
	}
	if followed < 180 {
		t.Errorf("only %d URLs were followed", followed)
	}
}
