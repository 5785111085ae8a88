package web_test

import (
	"html"
	"net/http"
	"regexp"
	"testing"

	"github.com/google/uuid"
)

// Older data was put back while a page was open: its stream told of another run, and
// lines of another job came under the steps of the page.
func TestAStreamIsNotForAPageThatShowsSomethingElse(t *testing.T) {
	s := newSample(t, plain)
	for page, event := range map[string]string{
		runPath(pathOf(s.repo), s.running.ID): "changed",
		jobPath(pathOf(s.repo), s.live):       "steps",
	} {
		found := regexp.MustCompile(`data-live="([^"]*\?of=)([^"]*)"`).FindStringSubmatch(s.browser().get(page).body)
		if found == nil {
			t.Fatalf("%s has no stream that names what it is of", page)
		}
		live := html.UnescapeString(found[1])
		s.browser().stream(live + found[2]).next(event)
		if got := s.browser().get(live + uuid.NewString()); got.status != http.StatusNotFound {
			t.Errorf("the stream of %s for a page of other data: %d, want 404", page, got.status)
		}
	}
}
