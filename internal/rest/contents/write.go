package contents

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/limit"
	"github.com/understudy-ci/understudy/internal/protect"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
)

// maxWritten is how large the request for a new file may be.
const maxWritten = 32 << 20

type personJSON struct {
	Name  string    `json:"name"`
	Email string    `json:"email"`
	Date  time.Time `json:"date"`
}

type changeJSON struct {
	Message   string      `json:"message"`
	Content   *string     `json:"content"`
	SHA       string      `json:"sha"`
	Branch    string      `json:"branch"`
	Author    *personJSON `json:"author"`
	Committer *personJSON `json:"committer"`
}

type fileCommitJSON struct {
	Content *writtenJSON     `json:"content"`
	Commit  *shape.GitCommit `json:"commit"`
}

// A writtenJSON is a file that was written: where its bytes are is not told.
type writtenJSON struct {
	Type    string       `json:"type"`
	Size    int64        `json:"size"`
	Name    string       `json:"name"`
	Path    string       `json:"path"`
	SHA     string       `json:"sha"`
	URL     string       `json:"url"`
	GitURL  *string      `json:"git_url"`
	HTMLURL *string      `json:"html_url"`
	Links   contentLinks `json:"_links"`
}

func notSupplied(field string) error {
	return actions.Errorf(actions.Invalid, "Invalid request.\n\n%q wasn't supplied.", field)
}

// put serves PUT /repos/{owner}/{repo}/contents/{path}.
func (p *page) put(w http.ResponseWriter, r *http.Request) error {
	var body changeJSON
	if err := httpjson.Decode(r, &body, maxWritten); err != nil {
		return err
	}
	if body.Content == nil {
		return notSupplied("content")
	}
	content, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(*body.Content))
	if err != nil {
		return actions.Errorf(actions.Invalid, "content is not valid Base64")
	}
	f, err := p.change(r, &body)
	if err != nil {
		return err
	}
	f.Content = content
	made, err := p.commit(r, f)
	if err != nil {
		return notProtected(err, map[bool]string{true: "create", false: "update"}[f.SHA == ""])
	}
	c, status := rest.CallOf(r), http.StatusOK
	if f.SHA == "" {
		status = http.StatusCreated
	}
	e := newEntry(c, f.Path, f.Branch, gitrepo.Entry{Mode: 0o100644, SHA: blobSHA(content)}, int64(len(content)))
	return httpjson.Write(w, status, fileCommitJSON{
		&writtenJSON{e.Type, e.Size, e.Name, e.Path, e.SHA, e.URL, e.GitURL, e.HTMLURL, e.Links},
		shape.NewGitCommit(c.Base, c.Repo, &made.Commit, made.Parents),
	})
}

// remove serves DELETE /repos/{owner}/{repo}/contents/{path}.
func (p *page) remove(w http.ResponseWriter, r *http.Request) error {
	var body changeJSON
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	f, err := p.change(r, &body)
	if err != nil {
		return err
	}
	f.Delete = true
	made, err := p.commit(r, f)
	if err != nil {
		return notProtected(err, "delete")
	}
	c := rest.CallOf(r)
	return httpjson.Write(w, http.StatusOK, fileCommitJSON{nil, shape.NewGitCommit(c.Base, c.Repo, &made.Commit, made.Parents)})
}

// notProtected is an error in the words that GitHub has where a branch is protected.
func notProtected(err error, verb string) error {
	if e, ok := errors.AsType[*protect.Error](err); ok {
		return actions.Errorf(actions.Conflict, "Could not %s file: %s", verb, e.Error())
	}
	return err
}

// change is what the request asks for, but for the content.
func (p *page) change(r *http.Request, body *changeJSON) (*repository.File, error) {
	c := rest.CallOf(r)
	if body.Message == "" {
		return nil, notSupplied("message")
	}
	name := r.PathValue("path")
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return nil, actions.Errorf(actions.Invalid, "path contains a malformed path component")
		}
	}
	f := &repository.File{Edit: gitrepo.Edit{Path: name, SHA: body.SHA}, Branch: body.Branch, Message: body.Message}
	if f.Branch == "" {
		f.Branch = c.Repo.DefaultBranch
	}
	me := repository.SignatureOf(c.Caller.Account, c.Base.Hostname(), p.Now())
	f.Committer = me
	if err := sign(&f.Committer, body.Committer, "committer"); err != nil {
		return nil, err
	}
	f.Author = f.Committer
	return f, sign(&f.Author, body.Author, "author")
}

// sign puts who the caller names in place of s.
func sign(s *actions.Signature, by *personJSON, field string) error {
	if by == nil {
		return nil
	}
	if by.Name == "" || by.Email == "" {
		return notSupplied(field + ".name and " + field + ".email")
	}
	for _, text := range []string{by.Name, by.Email} {
		if err := actions.CheckLine(field, text); err != nil {
			return err
		}
	}
	s.Name, s.Email = by.Name, by.Email
	if !by.Date.IsZero() {
		if year := by.Date.Year(); year < 1970 || year > 9999 {
			return actions.Errorf(actions.Invalid, "%s.date is not possible", field)
		}
		s.Time = by.Date
	}
	return nil
}

// commit makes the commit of a change.
func (p *page) commit(r *http.Request, f *repository.File) (*gitrepo.Commit, error) {
	leave, err := limit.Of(r.Context()).Enter(r.Context(), limit.Push)
	if err != nil {
		return nil, err
	}
	defer leave()
	c := rest.CallOf(r)
	return p.Repositories.Commit(r.Context(), c.Repo.ID, *f, p.Push(c))
}
