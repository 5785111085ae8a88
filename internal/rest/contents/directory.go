package contents

import (
	"net/http"
	"net/url"
	"path"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/version"
)

// maxEntries is how many entries of a directory are listed, as on GitHub.
const maxEntries = 1000

type contentLinks struct {
	Self string  `json:"self"`
	Git  *string `json:"git"`
	HTML *string `json:"html"`
}

// An entryJSON is what is told of everything that has a path.
type entryJSON struct {
	Type        string       `json:"type"`
	Size        int64        `json:"size"`
	Name        string       `json:"name"`
	Path        string       `json:"path"`
	SHA         string       `json:"sha"`
	URL         string       `json:"url"`
	GitURL      *string      `json:"git_url"`
	HTMLURL     *string      `json:"html_url"`
	DownloadURL *string      `json:"download_url"`
	Links       contentLinks `json:"_links"`
}

// A treeJSON is a directory for who wants an object.
type treeJSON struct {
	entryJSON
	Entries []entryJSON `json:"entries"`
}

// newEntry is an entry at a path of a commit that ref names.
func newEntry(c *rest.Call, at, ref string, e gitrepo.Entry, size int64) entryJSON {
	where := (&url.URL{Path: at}).EscapedPath()
	self := c.RepoURL() + "/contents/" + where + "?ref=" + url.QueryEscape(ref)
	v := entryJSON{Type: "file", Size: size, Name: path.Base(at), Path: at, SHA: e.SHA, URL: self, Links: contentLinks{Self: self}}
	object, page := "blobs", "blob"
	switch {
	case e.IsDir():
		v.Type, object, page = "dir", "trees", "tree"
	case e.IsLink():
		v.Type = "symlink"
	case e.IsSubmodule():
		if c.Version.AtLeast(version.V20260310) {
			v.Type = "submodule"
		}
		return v // it is somewhere else
	}
	git := c.RepoURL() + "/git/" + object + "/" + e.SHA
	html := c.RepoHTML() + "/" + page + "/" + (&url.URL{Path: ref}).EscapedPath() + "/" + where
	v.GitURL, v.HTMLURL = &git, &html
	v.Links.Git, v.Links.HTML = &git, &html
	return v
}

// directory answers with what is in a directory of a commit.
func (p *page) directory(w http.ResponseWriter, r *http.Request, sha, ref, dir string) error {
	c := rest.CallOf(r)
	view := p.Git.View(c.Repo.ID)
	tree, list, err := view.Tree(r.Context(), sha, dir)
	if err != nil {
		return notInvalid(err)
	}
	list = list[:min(len(list), maxEntries)]
	sizes, err := sizesOf(r, view, list)
	if err != nil {
		return err
	}
	entries := make([]entryJSON, 0, len(list))
	for i, e := range list {
		entries = append(entries, newEntry(c, path.Join(dir, e.Name), ref, e, sizes[i]))
	}
	if !rest.Accepts(r, "object") {
		return httpjson.Write(w, http.StatusOK, entries)
	}
	self := newEntry(c, dir, ref, tree, 0)
	if dir == "" {
		self.Name = ""
	}
	return httpjson.Write(w, http.StatusOK, treeJSON{self, entries})
}

// sizesOf are the sizes of entries: 0 for what is no file.
func sizesOf(r *http.Request, view *gitrepo.View, list []gitrepo.Entry) ([]int64, error) {
	var files []string
	for _, e := range list {
		if !e.IsDir() && !e.IsSubmodule() {
			files = append(files, e.SHA)
		}
	}
	known, err := view.Sizes(r.Context(), files)
	if err != nil {
		return nil, err
	}
	sizes := make([]int64, len(list))
	for i, e := range list {
		if !e.IsDir() && !e.IsSubmodule() {
			sizes[i], known = known[0], known[1:]
		}
	}
	return sizes, nil
}
