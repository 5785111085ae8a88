package web_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/web"
)

// tags finds what a browser takes for a tag, with its attributes.
var tags = regexp.MustCompile(`<[a-zA-Z/!][^>]*>?`)

func TestTextFromUsersIsNeverMarkup(t *testing.T) {
	for _, evil := range web.Hostile {
		s := newSample(t, func(text string) string { return text + evil })
		b := s.signedIn(s.owner)
		seen := false
		for _, path := range append(s.pages(), s.filePages()...) {
			body := b.get(path).body
			seen = seen || strings.Contains(body, "evil")
			if strings.Count(body, "<script") > 1 || strings.Contains(body, "<img") || strings.Contains(body, "<iframe") {
				t.Errorf("%q on %s became an element:\n%s", evil, path, body)
			}
			for _, tag := range tags.FindAllString(body, -1) {
				if strings.Contains(tag, "evil") && !harmless(tag) {
					t.Errorf("%q on %s became %s", evil, path, tag)
				}
			}
		}
		if !seen {
			t.Errorf("%q is on no page", evil)
		}
	}
}

// attribute finds the attributes of a tag.
var attribute = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)

// harmless says whether untrusted text in a tag is only in the value of
// an attribute that holds text or a link of ours, or a link that leads out.
func harmless(tag string) bool {
	rest := attribute.ReplaceAllStringFunc(tag, func(a string) string {
		m := attribute.FindStringSubmatch(a)
		name, value := m[1], m[2]
		switch {
		case strings.ContainsAny(value, "<>"):
			return a
		case name == "value", name == "title", name == "aria-label":
			return ""
		case name == "href" && (strings.HasPrefix(value, "/octo/") || strings.HasPrefix(value, "?branch=") || strings.HasPrefix(value, "/login?return_to=%2f")):
			return ""
		case name == "href" && strings.HasPrefix(value, "https://") && strings.Contains(tag, `rel="noopener nofollow"`):
			return ""
		}
		return a
	})
	return !strings.Contains(rest, "evil")
}

func TestLiveLinesAreDataAndNotMarkup(t *testing.T) {
	s := newSample(t, plain)
	steps, err := s.Store.Steps(t.Context(), s.live.ID)
	s.Must(err)
	s.Logs.Publish(s.live.ID, steps[1].GUID, 3, web.Hostile)
	st := s.browser().stream(jobPath(pathOf(s.repo), s.live) + "/live?have=1:1,2:2")
	e := st.next("lines")
	var got web.LiveLines
	s.Must(json.Unmarshal([]byte(e.data), &got))
	if len(got.Lines) != len(web.Hostile) {
		t.Fatalf("got %d lines, want %d: %s", len(got.Lines), len(web.Hostile), e.data)
	}
	for i, l := range got.Lines {
		for _, p := range l.Pieces {
			if !web.Styles.MatchString(p[0]) || strings.ContainsFunc(p[1], web.Special) && !strings.Contains(p[1], "\uFFFD") {
				t.Errorf("%q became %q", web.Hostile[i], p)
			}
		}
	}
}

func TestRawLogsAreTextAndWhole(t *testing.T) {
	s := newSample(t, plain)
	j := s.addJob(s.running, "raw", "raw", completed(actions.Success))
	log := strings.Join(web.Hostile, "\n") + "\n"
	s.addStep(j, 1, "one", actions.Success, log)
	s.addStep(j, 2, "two", actions.Success, "two\n")
	b, at := s.signedIn(s.User("reader")), jobPath(pathOf(s.repo), j)+"/logs"
	one := b.get(at + "/1")
	if one.header.Get("Content-Type") != "text/plain; charset=utf-8" || one.body != log {
		t.Errorf("step: %v\n%q", one.header, one.body)
	}
	if whole := b.get(at); whole.body != log+"two\n" {
		t.Errorf("job: %q", whole.body)
	}
	for _, path := range []string{"/3", "/x", "/0"} {
		if got := b.get(at + path); got.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	res := b.open(http.MethodHead, at, nil, nil)
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || len(body) > 0 || res.ContentLength != int64(len(log)+4) {
		t.Errorf("HEAD: %d bytes announced, %d sent, %v", res.ContentLength, len(body), err)
	}
}

// Everybody reads the page of a job in a public repository. Its logs as files are for
// who has signed in, as they are in the API.
func TestRawLogsNeedASession(t *testing.T) {
	s := newSample(t, plain)
	j := s.addJob(s.running, "raw", "raw", completed(actions.Success))
	s.addStep(j, 1, "one", actions.Success, "one\n")
	page, reader := jobPath(pathOf(s.repo), j), s.signedIn(s.User("reader"))
	for _, path := range []string{page + "/logs", page + "/logs/1"} {
		got := s.browser().get(path)
		if got.status != http.StatusUnauthorized || !strings.Contains(got.body, "/login?return_to=") {
			t.Errorf("%s: nobody gets %d\n%s", path, got.status, got.body)
		}
		if got := reader.get(path); got.body != "one\n" {
			t.Errorf("%s: a reader gets %d %q", path, got.status, got.body)
		}
	}
	if got := s.browser().get(page); strings.Contains(got.body, `"`+page+`/logs"`) || !strings.Contains(got.body, "to view raw logs") {
		t.Errorf("the page offers its logs to nobody:\n%s", got.body)
	}
	if got := reader.get(page); !strings.Contains(got.body, `"`+page+`/logs"`) {
		t.Errorf("the page does not offer its logs to a reader:\n%s", got.body)
	}
}
