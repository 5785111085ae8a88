package runs

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// filter reads the parameters that narrow a list of runs. none is true when
// no run can match, such as those of an actor that does not exist.
func (p *page) filter(r *http.Request, query url.Values) (f store.RunFilter, none bool, err error) {
	f = store.RunFilter{
		Branch:  query.Get("branch"),
		Event:   query.Get("event"),
		HeadSHA: query.Get("head_sha"),
		Status:  query.Get("status"),
	}
	if f.Status != "" && !knownStatus(f.Status) {
		return f, false, badParameter("status")
	}
	if created := query.Get("created"); created != "" {
		var ok bool
		if f.From, f.To, ok = dateRange(created); !ok {
			return f, false, badParameter("created")
		}
	}
	if suite := query.Get("check_suite_id"); suite != "" {
		if f.RunID, err = strconv.ParseInt(suite, 10, 64); err != nil || f.RunID <= 0 {
			return f, false, badParameter("check_suite_id")
		}
	}
	if login := query.Get("actor"); login != "" {
		actor, err := p.store.AccountByLogin(r.Context(), login)
		if actions.KindOf(err) == actions.NotFound {
			return f, true, nil
		} else if err != nil {
			return f, false, err
		}
		f.ActorID = actor.ID
	}
	return f, false, nil
}

func badParameter(name string) error {
	return actions.BadField("WorkflowRun", name)
}

func knownStatus(s string) bool {
	return slices.Contains(actions.Statuses(), actions.Status(s)) || slices.Contains(actions.Conclusions(), actions.Conclusion(s))
}

// dateRange reads a range of dates or times in the syntax of GitHub's search:
// one date, >=DATE, >DATE, <=DATE, <DATE, or DATE..DATE, where * is open. Both
// ends are included; a zero time is no limit. A date without a time is the whole day.
func dateRange(text string) (from, to time.Time, ok bool) {
	if a, b, found := strings.Cut(text, ".."); found {
		ok = true
		if a != "*" {
			from, _, ok = timeBounds(a)
		}
		if b != "*" && ok {
			_, to, ok = timeBounds(b)
		}
		return from, to, ok
	}
	for _, op := range []string{">=", "<=", ">", "<"} {
		rest, found := strings.CutPrefix(text, op)
		if !found {
			continue
		}
		first, last, ok := timeBounds(rest)
		switch op {
		case ">=":
			return first, time.Time{}, ok
		case ">":
			return last.Add(time.Microsecond), time.Time{}, ok
		case "<=":
			return time.Time{}, last, ok
		}
		return time.Time{}, first.Add(-time.Microsecond), ok
	}
	return timeBounds(text)
}

// timeBounds reads a date or time and returns its first and last microsecond.
func timeBounds(text string) (first, last time.Time, ok bool) {
	for _, layout := range []struct {
		format string
		length time.Duration
	}{
		{time.DateOnly, 24 * time.Hour},
		{time.RFC3339, time.Second},
		{"2006-01-02T15:04:05", time.Second},
		{"2006-01-02T15:04Z07:00", time.Minute},
		{"2006-01-02T15:04", time.Minute},
	} {
		if t, err := time.Parse(layout.format, text); err == nil {
			return t, t.Add(layout.length - time.Microsecond), true
		}
	}
	return time.Time{}, time.Time{}, false
}
