package web

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

// hostile are texts that become markup or script where they are not escaped.
// Each carries the word evil, by which its traces are found.
var hostile = []string{
	`<script>evil(1)</script>`,
	`"><img src=x onerror=evil(1)>`,
	`' onmouseover='evil(1)`,
	`</title></textarea></style></summary></details><svg onload=evil(1)>`,
	`javascript:evil(1)//`,
	`[a](javascript:evil(1)) ![b](https://evil.example/x.png) <https://x" onclick="evil(1)> <javascript:evil(1)> <iframe src=//evil.example>`,
	`[a](data:text/html,<script>evil(1)</script>) [b]( java&#115;cript:evil(1)) [c](&#106;avascript:evil(1)) [d](//evil.example) [e](/logout?evil)`,
	"\x1b]8;;javascript:evil(1)\x07link\x1b]8;;\x07 \x1b[31m<b>evil</b>\x1b[0m \x1b]0;evil\x07",
	"<!--><script>evil(1)</script>-->\u2028<script>evil(1)</script>",
	`{{.}}${evil(1)}` + "`" + `evil`,
	"<evil\x00 onload=evil(1)>\xff\xfe<evil>",
}

// tags finds what a browser takes for a tag, with its attributes.
var tags = regexp.MustCompile(`<[a-zA-Z/!][^>]*>?`)

func TestTextOfStrangersIsNeverMarkup(t *testing.T) {
	for _, evil := range hostile {
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

// harmless says whether the text of a stranger in a tag is only in the value of
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
	steps, err := s.store.Steps(t.Context(), s.live.ID)
	s.check(err)
	s.logs.Publish(s.live.ID, steps[1].GUID, 3, hostile)
	st := s.browser().stream(jobPath(headOf(s.repo), s.live) + "/live?have=1:1,2:2")
	e := st.next("lines")
	var got liveLines
	s.check(json.Unmarshal([]byte(e.data), &got))
	if len(got.Lines) != len(hostile) {
		t.Fatalf("got %d lines, want %d: %s", len(got.Lines), len(hostile), e.data)
	}
	for i, l := range got.Lines {
		for _, p := range l.Pieces {
			if !styles.MatchString(p[0]) || strings.ContainsFunc(p[1], special) && !strings.Contains(p[1], "\uFFFD") {
				t.Errorf("%q became %q", hostile[i], p)
			}
		}
	}
}

// styles are the classes that colours can give.
var styles = regexp.MustCompile(`^((f|b)\d+|bold|italic|underline|cut| )*$`)

func TestRawLogsAreTextAndWhole(t *testing.T) {
	s := newSample(t, plain)
	j := s.addJob(s.running, "raw", "raw", completed(actions.Success))
	log := strings.Join(hostile, "\n") + "\n"
	s.addStep(j, 1, "one", actions.Success, log)
	s.addStep(j, 2, "two", actions.Success, "two\n")
	b, at := s.browser(), jobPath(headOf(s.repo), j)+"/logs"
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
