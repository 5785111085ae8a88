package web

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// badge serves GET /{owner}/{repo}/actions/workflows/{file}/badge.svg, the picture by
// which a README shows how a workflow does: on the branch that the parameter branch names,
// else the default branch, or any branch if there is no run on that; of runs by the event
// that the parameter event names, else by any. Runs of forks do not count: whoever has one
// says what they do, and how its branch is named. It is for who may read the runs.
func (s *Site) badge(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	repo, err := s.readable(r, c)
	if err != nil {
		return err
	}
	wf, err := s.workflow(r.Context(), repo.ID, r.PathValue("file"))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	f := store.RunFilter{RepoID: repo.ID, WorkflowID: wf.ID, Branch: q.Get("branch"), Event: q.Get("event"), NoForks: true}
	if len(f.Branch) > maxFilter || len(f.Event) > maxFilter {
		return errNotFound
	}
	said := f.Branch != ""
	if !said {
		f.Branch = repo.DefaultBranch
	}
	b, runs, err := s.badgeOf(r, f)
	if err == nil && !said && !runs {
		f.Branch = ""
		b, _, err = s.badgeOf(r, f)
	}
	if err != nil {
		return err
	}
	picture := b.svg(wf.Name)
	etag := httpjson.ETag(picture)
	h := w.Header()
	h.Set("ETag", etag)
	if !repo.Private { // what is private is asked for each time, and not for pages of other sites
		h.Set("Cache-Control", "private, max-age=300")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if httpjson.Unchanged(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	sendImage(w, "image/svg+xml; charset=utf-8", picture)
	return nil
}

// A badge is the right half of the picture.
type badge struct{ text, color string }

var (
	passing  = badge{"passing", "#238636"}
	failing  = badge{"failing", "#cf222e"}
	noStatus = badge{"no status", "#6e7781"}
)

// badgeLooksBack is how many runs a badge looks at for one that passed or failed.
const badgeLooksBack = 30

// badgeOf is the badge of the newest run that fits f and has passed or failed. What was
// cancelled or skipped says nothing of the code, what goes on nothing yet.
func (s *Site) badgeOf(r *http.Request, f store.RunFilter) (b badge, runs bool, err error) {
	list, _, err := s.store.Runs(r.Context(), f, store.Page{Number: 1, Size: badgeLooksBack})
	if err != nil {
		return badge{}, false, err
	}
	for _, run := range list {
		switch run.Conclusion {
		case actions.Success:
			return passing, true, nil
		case actions.Failure, actions.TimedOut, actions.StartupFailure:
			return failing, true, nil
		default: // says nothing
		}
	}
	return noStatus, len(list) > 0, nil
}

// svg is the picture for a workflow of a name, of which it shows 64 characters.
func (b badge) svg(name string) []byte {
	const most, letter, space = 64, 6.6, 20 // letter is about the width of one at 11 pixels
	if utf8.RuneCountInString(name) > most {
		name = string([]rune(name)[:most-1]) + "…"
	}
	left := int(float64(utf8.RuneCountInString(name))*letter) + space
	right := int(float64(len(b.text))*letter) + space
	shown := escaped(name)
	var v bytes.Buffer
	fmt.Fprintf(&v, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s - %s">`, left+right, shown, b.text)
	fmt.Fprintf(&v, `<title>%s - %s</title>`, shown, b.text)
	fmt.Fprintf(&v, `<rect width="%d" height="20" rx="3" fill="#24292f"/>`, left+right)
	fmt.Fprintf(&v, `<path d="M%d 0h%da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H%dz" fill="%s"/>`, left, right-3, left, b.color)
	fmt.Fprint(&v, `<g fill="#fff" font-family="DejaVu Sans,Verdana,Geneva,sans-serif" font-size="11" text-anchor="middle">`)
	for _, part := range []struct {
		middle, width int
		text          string
	}{{left / 2, left - space, shown}, {left + right/2, right - space, b.text}} {
		fmt.Fprintf(&v, `<text x="%d" y="14" textLength="%s">%s</text>`, part.middle, strconv.Itoa(part.width), part.text)
	}
	fmt.Fprint(&v, `</g></svg>`)
	return v.Bytes()
}

// escaped is text for XML; what XML cannot hold is replaced.
func escaped(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes all
	return b.String()
}
