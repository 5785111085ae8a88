package rest

import (
	"context"
	"net/http"
	"net/url"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

type gitUserJSON struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Date  string `json:"date"`
}

type objectJSON struct {
	SHA string `json:"sha"`
	URL string `json:"url"`
}

type parentJSON struct {
	SHA     string `json:"sha"`
	URL     string `json:"url"`
	HTMLURL string `json:"html_url"`
}

type verificationJSON struct {
	Verified   bool    `json:"verified"`
	Reason     string  `json:"reason"`
	Signature  *string `json:"signature"`
	Payload    *string `json:"payload"`
	VerifiedAt *string `json:"verified_at"`
}

type gitCommitJSON struct {
	Author       gitUserJSON      `json:"author"`
	Committer    gitUserJSON      `json:"committer"`
	Message      string           `json:"message"`
	Tree         objectJSON       `json:"tree"`
	URL          string           `json:"url"`
	CommentCount int              `json:"comment_count"`
	Verification verificationJSON `json:"verification"`
}

type commitJSON struct {
	SHA         string            `json:"sha"`
	NodeID      string            `json:"node_id"`
	Commit      gitCommitJSON     `json:"commit"`
	URL         string            `json:"url"`
	HTMLURL     string            `json:"html_url"`
	CommentsURL string            `json:"comments_url"`
	Author      *shape.SimpleUser `json:"author"` // not known: addresses are claims
	Committer   *shape.SimpleUser `json:"committer"`
	Parents     []parentJSON      `json:"parents"`
}

func (c *call) commitJSON(g *gitrepo.Commit) *commitJSON {
	repo := c.base.API + "/repos/" + c.repo.FullName()
	html := c.base.HTML + "/" + c.repo.FullName() + "/commit/"
	v := &commitJSON{
		SHA:    g.SHA,
		NodeID: shape.NodeID("Commit", c.repo.ID) + g.SHA,
		Commit: gitCommitJSON{
			Author:       gitUserJSON{g.Author.Name, g.Author.Email, shape.Time(g.Author.Time)},
			Committer:    gitUserJSON{g.Committer.Name, g.Committer.Email, shape.Time(g.Committer.Time)},
			Message:      g.Message,
			Tree:         objectJSON{g.Tree, repo + "/git/trees/" + g.Tree},
			URL:          repo + "/git/commits/" + g.SHA,
			Verification: verificationJSON{Reason: "unsigned"},
		},
		URL:         repo + "/commits/" + g.SHA,
		HTMLURL:     html + g.SHA,
		CommentsURL: repo + "/commits/" + g.SHA + "/comments",
		Parents:     []parentJSON{},
	}
	for _, p := range g.Parents {
		v.Parents = append(v.Parents, parentJSON{p, repo + "/commits/" + p, html + p})
	}
	return v
}

// commit reads the commit that ref stands for.
func (a *API) commit(ctx context.Context, repo *actions.Repository, ref string) (*gitrepo.Commit, error) {
	sha, err := a.Git.Resolve(ctx, repo.ID, ref)
	if err != nil {
		return nil, err
	}
	return a.Git.Commit(ctx, repo.ID, sha)
}

// getCommit serves GET /repos/{owner}/{repo}/commits/{ref}.
func (a *API) getCommit(w http.ResponseWriter, r *http.Request) error {
	c, ref := callOf(r), r.PathValue("ref")
	g, err := a.commit(r.Context(), c.repo, ref)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return actions.Errorf(actions.Invalid, "No commit found for SHA: %s", ref)
	} else if err != nil {
		return err
	}
	if accepts(r, "sha") {
		w.Header().Set("Content-Type", "application/vnd.github.sha; charset=utf-8")
		_, err := w.Write([]byte(g.SHA))
		return err
	}
	return httpjson.Write(w, http.StatusOK, c.commitJSON(g))
}

type branchLinks struct {
	Self string `json:"self"`
	HTML string `json:"html"`
}

type branchProtection struct {
	Enabled bool `json:"enabled"`
}

type branchJSON struct {
	Name          string           `json:"name"`
	Commit        *commitJSON      `json:"commit"`
	Links         branchLinks      `json:"_links"`
	Protected     bool             `json:"protected"`
	Protection    branchProtection `json:"protection"`
	ProtectionURL string           `json:"protection_url"`
}

// getBranch serves GET /repos/{owner}/{repo}/branches/{branch}.
func (a *API) getBranch(w http.ResponseWriter, r *http.Request) error {
	c, branch := callOf(r), r.PathValue("branch")
	g, err := a.commit(r.Context(), c.repo, "refs/heads/"+branch)
	if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
		return errNotFound
	} else if err != nil {
		return err
	}
	escaped := (&url.URL{Path: branch}).EscapedPath()
	self := c.base.API + "/repos/" + c.repo.FullName() + "/branches/" + escaped
	return httpjson.Write(w, http.StatusOK, branchJSON{
		Name:          branch,
		Commit:        c.commitJSON(g),
		Links:         branchLinks{self, c.base.HTML + "/" + c.repo.FullName() + "/tree/" + escaped},
		ProtectionURL: self + "/protection",
	})
}

type gitObjectJSON struct {
	Type string `json:"type"`
	SHA  string `json:"sha"`
	URL  string `json:"url"`
}

type referenceJSON struct {
	Ref    string        `json:"ref"`
	NodeID string        `json:"node_id"`
	URL    string        `json:"url"`
	Object gitObjectJSON `json:"object"`
}

// getReference serves GET /repos/{owner}/{repo}/git/ref/{ref}.
func (a *API) getReference(w http.ResponseWriter, r *http.Request) error {
	c, ref := callOf(r), "refs/"+r.PathValue("ref")
	sha, err := a.Git.View(c.repo.ID).Ref(ref)
	if err != nil {
		return notInvalid(err)
	}
	commit, err := a.Git.Resolve(r.Context(), c.repo.ID, ref)
	if err != nil {
		return notInvalid(err)
	}
	repo := c.base.API + "/repos/" + c.repo.FullName()
	object := gitObjectJSON{"commit", sha, repo + "/git/commits/" + sha}
	if sha != commit {
		object = gitObjectJSON{"tag", sha, repo + "/git/tags/" + sha}
	}
	return httpjson.Write(w, http.StatusOK, referenceJSON{
		Ref:    ref,
		NodeID: shape.NodeID("Ref", c.repo.ID) + ref,
		URL:    repo + "/git/" + (&url.URL{Path: ref}).EscapedPath(),
		Object: object,
	})
}
