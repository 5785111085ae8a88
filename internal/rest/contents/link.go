package contents

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
)

const (
	maxTarget  = 4096    // bytes of where a symbolic link leads
	maxModules = 1 << 20 // of .gitmodules
)

// A linkJSON is a symbolic link that leads to no file of the repository.
type linkJSON struct {
	entryJSON
	Target string `json:"target"`
}

func (p *page) link(w http.ResponseWriter, r *http.Request, sha, ref, name string, e gitrepo.Entry) error {
	c := rest.CallOf(r)
	target, err := p.Git.View(c.Repo.ID).ReadFile(r.Context(), sha, name, maxTarget)
	if err != nil {
		return notInvalid(err)
	}
	text := strings.ToValidUTF8(string(target), "\ufffd")
	return httpjson.Write(w, http.StatusOK, linkJSON{newEntry(c, name, ref, e, int64(len(target))), text})
}

// A submoduleJSON is a commit of another repository.
type submoduleJSON struct {
	entryJSON
	GitURLOf *string `json:"submodule_git_url"`
}

func (p *page) submodule(w http.ResponseWriter, r *http.Request, sha, ref, name string, e gitrepo.Entry) error {
	c := rest.CallOf(r)
	v := submoduleJSON{entryJSON: newEntry(c, name, ref, e, 0)}
	v.Type = "submodule"
	if text, err := p.Git.View(c.Repo.ID).ReadFile(r.Context(), sha, ".gitmodules", maxModules); err == nil {
		v.GitURLOf = moduleURL(string(text), name)
	}
	return httpjson.Write(w, http.StatusOK, v)
}

// moduleURL is the URL that .gitmodules has for a path.
func moduleURL(text, at string) *string {
	var path, url string
	for line := range strings.Lines(text + "\n[") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if path == at && url != "" {
				url = strings.ToValidUTF8(url, "\ufffd")
				return &url
			}
			path, url = "", ""
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "path":
			path = strings.TrimSpace(value)
		case "url":
			url = strings.TrimSpace(value)
		}
	}
	return nil
}
