package artifactcli

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// An Artifact is one as the REST API shows it.
type Artifact struct {
	ID        int64     `json:"id"`
	Name      string    `json:"name"`
	Size      int64     `json:"size_in_bytes"`
	Expired   bool      `json:"expired"`
	Digest    string    `json:"digest"` // "sha256:…"; empty on a server without
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Run       Run       `json:"workflow_run"`
}

// A Run is the one whose job uploaded an artifact.
type Run struct {
	ID         int64  `json:"id"`
	HeadBranch string `json:"head_branch"`
	HeadSHA    string `json:"head_sha"`
}

// String names the artifact in messages.
func (a *Artifact) String() string { return fmt.Sprintf("artifact %s (%d)", printable(a.Name), a.ID) }

// A Query says which artifacts are meant.
type Query struct {
	Run   int64    // 0 for those of all runs
	Names []string // or patterns with * and ?; none for all
	Limit int      // of the answer; 0 for none
}

const (
	pageSize = 100
	maxPages = 1000 // 100,000 artifacts: a pattern that finds nothing ends there
)

// List returns artifacts, newest first.
func (c *Client) List(ctx context.Context, q Query) (found []*Artifact, more bool, err error) {
	path, what := "artifacts", "repository "+c.repo
	if q.Run != 0 {
		path = "runs/" + strconv.FormatInt(q.Run, 10) + "/artifacts"
		what = fmt.Sprintf("run %d of %s", q.Run, c.repo)
	}
	for _, name := range serverNames(q.Names) {
		one, cut, err := c.pages(ctx, path, name, what, q)
		if err != nil {
			return nil, false, err
		}
		found, more = append(found, one...), more || cut
	}
	slices.SortFunc(found, func(a, b *Artifact) int { return cmp.Compare(b.ID, a.ID) })
	found = slices.CompactFunc(found, func(a, b *Artifact) bool { return a.ID == b.ID })
	if q.Limit > 0 && len(found) > q.Limit {
		found, more = found[:q.Limit], true
	}
	return found, more, nil
}

// serverNames are the names that the server can look for; one empty name stands
// for a look at all.
func serverNames(names []string) []string {
	if len(names) == 0 || slices.ContainsFunc(names, isPattern) {
		return []string{""}
	}
	return names
}

// pages reads a list page by page, and keeps what the query means.
func (c *Client) pages(ctx context.Context, path, name, what string, q Query) (found []*Artifact, more bool, err error) {
	query := url.Values{"per_page": {strconv.Itoa(pageSize)}}
	if name != "" {
		query.Set("name", name)
	}
	type list struct {
		Total     int         `json:"total_count"`
		Artifacts []*Artifact `json:"artifacts"`
	}
	seen, pages := 0, 0
	for page, err := range client.Pages[list](ctx, c.api, c.path(path)+"?"+query.Encode()) {
		if err != nil {
			return nil, false, c.explain(what, err)
		}
		for _, a := range page.Artifacts {
			if a != nil && q.means(a.Name) {
				found = append(found, a)
			}
		}
		seen, pages = seen+len(page.Artifacts), pages+1
		if pages == maxPages || q.Limit > 0 && len(found) >= q.Limit {
			return found, seen < page.Total, nil
		}
	}
	return found, false, nil
}

func (q Query) means(name string) bool {
	return len(q.Names) == 0 || slices.ContainsFunc(q.Names, func(p string) bool { return matches(p, name) })
}

// Get returns the artifact with an id.
func (c *Client) Get(ctx context.Context, id int64) (*Artifact, error) {
	a := &Artifact{}
	what := fmt.Sprintf("artifact %d of %s", id, c.repo)
	if err := c.explain(what, c.api.Do(ctx, http.MethodGet, c.path(artifactPath(id)), nil, a)); err != nil {
		return nil, err
	}
	if a.ID != id {
		return nil, fmt.Errorf("%s: the server answers with artifact %d", what, a.ID)
	}
	return a, nil
}

func isPattern(s string) bool { return strings.ContainsAny(s, "*?") }

// matches says whether a name fits a pattern, in which * stands for any text and ?
// for one character. Artifacts cannot have either in their names.
func matches(pattern, name string) bool {
	p, n := []rune(pattern), []rune(name)
	star, mark := -1, 0 // the last star, and what it has taken up to
	i, j := 0, 0
	for j < len(n) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == n[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
