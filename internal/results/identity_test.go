package results_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/shape"
)

// signedAs is a signed URL with other words in place of the GUID that it names, as it
// was signed before older data was put back: the numbers are others' by now.
func (s *site) signedAs(method, signed, guid string) string {
	s.T.Helper()
	u, err := url.Parse(signed)
	if err != nil {
		s.T.Fatal(err)
	}
	g, err := s.Keys.VerifyURL(method, shape.Base{HTML: s.URL}.Host(), u.EscapedPath(), u.RawQuery, s.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	if g.GUID == "" {
		s.T.Errorf("%s names numbers alone", signed)
	}
	g.GUID = guid
	if u.RawQuery, err = s.Keys.SignURL(u.Path, g); err != nil {
		s.T.Fatal(err)
	}
	return u.String()
}

func TestAURLIsNotForWhatHasItsNumbersNow(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		j := s.Job("build")
		step, c, cached := s.Step(j, 1, "Run"), s.client(j), s.saver("refs/heads/main")
		s.put(s.stepURL(j, step.GUID), "a line\n")
		if _, err := c.Upload(t.Context(), "done", []byte("content"), 9); err != nil {
			t.Fatal(err)
		}
		cached.save("done", []byte("content"))
		list, err := c.List(t.Context(), "done", 0)
		if err != nil || len(list) != 1 {
			t.Fatal(list, err)
		}
		must := func(url string, err error) string {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return url
		}
		for what, from := range map[string]string{
			"an artifact":            must(c.SignedURL(t.Context(), list[0])),
			"a cache":                cached.find("done").SignedDownloadURL,
			"the log of a job":       must(s.Results.JobLogURL(s.URL, j)),
			"the logs of an attempt": must(s.Results.RunLogURL(t.Context(), s.URL, s.Run, 1)),
		} {
			if status, code := s.send(http.MethodGet, from, ""); status != http.StatusOK {
				t.Errorf("%s: %d %s", what, status, code)
			}
			if status, code := s.send(http.MethodGet, s.signedAs(http.MethodGet, from, uuid.NewString()), ""); status != http.StatusNotFound {
				t.Errorf("%s of other data: %d %s, want that it is not there", what, status, code)
			}
		}
		for what, to := range map[string]string{
			"the log of a step":        s.stepURL(j, step.GUID),
			"an upload of an artifact": must(c.Create(t.Context(), "open")),
			"an upload of a cache":     cached.create("open").SignedUploadURL,
		} {
			if status, code := s.send(http.MethodPut, s.signedAs(http.MethodPut, to, uuid.NewString()), "evil"); status != http.StatusNotFound {
				t.Errorf("%s of other data: %d %s, want that it is not there", what, status, code)
			}
			if status, code := s.send(http.MethodPut, to, "more\n"); status != http.StatusCreated {
				t.Errorf("%s: %d %s", what, status, code)
			}
		}
		to := s.stepURL(j, step.GUID)
		again := s.signedAs(http.MethodPut, to, j.GUID+"."+time.Now().Format("0405"))
		if status, code := s.send(http.MethodPut, again, "evil"); status != http.StatusNotFound {
			t.Errorf("the log of a job that another runner has acquired since: %d %s, want that it is not there", status, code)
		}
	})
}
