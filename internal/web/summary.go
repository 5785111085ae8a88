package web

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/markdown"
	"github.com/understudy-ci/understudy/internal/recent"
)

const (
	maxShown = 8 << 20          // bytes of HTML that the summaries of one page have
	maxKept  = 32 << 20         // bytes of HTML that is kept
	maxWait  = 10 * time.Second // of one page, for what is not kept
	noteWait = `<p class="quiet">This summary is not rendered yet: there are many before it. Load this page again.</p>`
	noteMore = `<p class="quiet">There are more summaries than this page shows.</p>`
)

// summaries makes HTML of summaries: each once, as long as it is kept, and few at
// the same time, so that a page that has costly ones does not stop all others.
type summaries struct {
	read     func(ctx context.Context, key string) (string, error)
	renderer *markdown.Renderer
	kept     *recent.Cache[string, string]
	once     singleflight.Group
	places   chan struct{} // one for each that is rendered
}

func newSummaries(read func(context.Context, string) (string, error), r *markdown.Renderer) *summaries {
	return &summaries{
		read: read, renderer: r, kept: recent.New[string, string](4096, maxKept),
		places: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// html is the HTML of a summary. When ctx ends first, it is made all the same, for
// who asks next.
func (s *summaries) html(ctx context.Context, key string) (string, error) {
	if html, ok := s.kept.Get(key); ok {
		return html, nil
	}
	made := s.once.DoChan(key, func() (any, error) {
		if html, ok := s.kept.Get(key); ok { // since it was looked for above
			return html, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*maxWait)
		defer cancel()
		return s.render(ctx, key)
	})
	select {
	case res := <-made:
		html, _ := res.Val.(string) // none with an error
		return html, res.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (s *summaries) render(ctx context.Context, key string) (string, error) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	text, err := s.read(ctx, key)
	if err != nil {
		return "", err
	}
	html, err := s.renderer.Render([]byte(text))
	s.kept.Put(key, html, len(key)+len(html))
	if err != nil {
		return html, fmt.Errorf("summary %s: %w", key, err)
	}
	return html, nil
}

// summariesOf is the HTML of what the steps of an attempt wrote about themselves, a
// section for each job.
func (s *Site) summariesOf(ctx context.Context, runID int64, attempt int, groups []jobGroup) ([]string, error) {
	list, err := s.logs.Summaries(ctx, runID, attempt)
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string)
	for _, g := range groups {
		for _, j := range g.Jobs {
			names[j.ID] = j.Name
		}
	}
	waiting, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	var parts []string
	last, left := int64(0), maxShown
	for _, summary := range list {
		html, err := s.summaryHTML(waiting, summary)
		if err != nil {
			return nil, err
		}
		if left -= len(html); left < 0 {
			html = noteMore
		}
		if summary.JobID != last {
			head, err := s.summaryHead(names[summary.JobID], last == 0)
			if err != nil {
				return nil, err
			}
			parts, last = append(parts, head), summary.JobID
		}
		if parts = append(parts, html); left < 0 {
			break
		}
	}
	if len(parts) > 0 {
		parts = append(parts, "</section>")
	}
	return parts, nil
}

// summaryHead begins the section of a job, and ends the one before it.
func (s *Site) summaryHead(job string, first bool) (string, error) {
	var b strings.Builder
	if !first {
		b.WriteString("</section>")
	}
	err := s.templates.ExecuteTemplate(&b, "summary", job)
	return b.String(), err
}

// summaryHTML is the HTML of one summary, or of what there is to say instead.
func (s *Site) summaryHTML(ctx context.Context, summary logs.Summary) (string, error) {
	html, err := s.summaries.html(ctx, summary.Key)
	switch {
	case err == nil:
		return html, nil
	case actions.KindOf(err) == actions.NotFound:
		return "", nil // replaced or deleted meanwhile
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return noteWait, nil
	case html != "":
		s.log.ErrorContext(ctx, "summary is shown as text", "job", summary.JobID, "err", err)
		return html, nil
	}
	return "", err
}
