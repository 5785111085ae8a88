package contents

import (
	"cmp"
	"html"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/rest"
)

// readme serves GET /repos/{owner}/{repo}/readme and what is below: the README of a
// directory. That of the repository may also be in .github or docs.
func (p *page) readme(w http.ResponseWriter, r *http.Request) error {
	ref, sha, err := p.commitOf(r)
	if err != nil {
		return err
	}
	dir := strings.Trim(r.PathValue("dir"), "/")
	places := []string{dir}
	if dir == "" {
		places = []string{".github", "", "docs"}
	}
	view := p.Git.View(rest.CallOf(r).Repo.ID)
	for _, place := range places {
		entries, err := view.ReadDir(r.Context(), sha, place)
		if k := actions.KindOf(err); k == actions.NotFound || k == actions.Invalid {
			continue
		} else if err != nil {
			return err
		}
		if name := best(entries); name != "" {
			return p.answer(w, r, sha, ref, path.Join(place, name))
		}
	}
	return rest.ErrNotFound
}

// best is the README of a directory that GitHub would show, empty for none: Markdown
// before text without a suffix before others.
func best(entries []gitrepo.Entry) string {
	var names []string
	for _, e := range entries {
		base, _, _ := strings.Cut(e.Name, ".")
		if strings.EqualFold(base, "readme") && (e.IsRegular() || e.IsLink()) {
			names = append(names, e.Name)
		}
	}
	rank := func(name string) int {
		switch {
		case isMarkdown(name):
			return 0
		case path.Ext(name) == "":
			return 1
		}
		return 2
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b)) })
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func isMarkdown(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".md" || ext == ".markdown"
}

// writeHTML answers with a file as a page shows it: Markdown rendered, and all else as text.
func (p *page) writeHTML(w http.ResponseWriter, name string, data []byte) error {
	text := strings.ToValidUTF8(string(data), "\ufffd")
	body := `<div id="file" class="plain"><pre>` + html.EscapeString(text) + `</pre></div>`
	if isMarkdown(name) {
		rendered, err := p.markdown.Render([]byte(text))
		if err != nil {
			return err
		}
		body = `<div id="file" class="md"><article class="markdown-body entry-content container-lg" itemprop="text">` + rendered + `</article></div>`
	}
	w.Header().Set("Content-Type", "application/vnd.github.html; charset=utf-8")
	_, err := w.Write([]byte(body))
	return err
}
