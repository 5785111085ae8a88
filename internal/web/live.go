package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/store"
)

// streamTimes say how a stream of events keeps time.
type streamTimes struct {
	settle time.Duration // from a change to telling about it, so that several become one
	beat   time.Duration // between signs of life
}

var defaultTimes = streamTimes{settle: 150 * time.Millisecond, beat: 10 * time.Second}

// A stream sends server-sent events.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error // the first; nothing is sent after it
}

func (s *Site) stream(w http.ResponseWriter) *stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that would wait for more
	w.WriteHeader(http.StatusOK)
	st := &stream{w: w, rc: http.NewResponseController(w)}
	st.write("retry: 3000\n\n")
	return st
}

func (st *stream) write(text string) {
	if st.err != nil {
		return
	}
	if _, st.err = st.w.Write([]byte(text)); st.err == nil {
		st.err = st.rc.Flush()
	}
}

// send sends an event with data in JSON. An id, if there is one, is what the
// browser shows when it comes again.
func (st *stream) send(event, id string, data any) {
	body, err := httpjson.Marshal(data) // has no line breaks
	if err != nil {
		st.err = err
		return
	}
	text := "event: " + event + "\n"
	if id != "" {
		text += "id: " + id + "\n"
	}
	st.write(text + "data: " + string(body) + "\n\n")
}

// stillMay is nil while the visitor who opened a stream has the session that they
// opened it with, if they had one, and may see the repository.
func (s *Site) stillMay(r *http.Request, opened *auth.Caller, repo *actions.Repository) error {
	c, err := s.auth.Session(r)
	if err != nil {
		return err
	}
	if !opened.Anonymous() && c.Anonymous() {
		return errNotFound
	}
	now, err := s.auth.Repository(r.Context(), repo.Owner.Login, repo.Name)
	if err != nil {
		return err
	}
	if now.ID != repo.ID {
		return errNotFound
	}
	return s.auth.Can(r.Context(), c, auth.Target{Repo: now}, auth.ReadRuns)
}

// A watcher is what one stream tells of a run.
type watcher struct {
	// tell tells what has changed, and says whether there is nothing more to come.
	tell func(context.Context) (over bool, err error)

	lines <-chan logs.Event // nil for a stream without
	show  func(logs.Event)  // is called for what comes by lines
	end   func()            // and when no more will come
}

// follow calls tell at first and after each change of a run, until it says that
// all is over, the visitor leaves or, as is asked when anything about access
// changes, may no longer see it.
func (s *Site) follow(r *http.Request, c *auth.Caller, st *stream, repo *actions.Repository, runID int64, wt watcher) error {
	if r.Method == http.MethodHead {
		return nil
	}
	changed := s.store.Subscribe(store.RunTopic(runID), store.RecordTopic(repo.ID), store.AccessTopic())
	defer changed.Close()
	beat := time.NewTicker(s.times.beat)
	defer beat.Stop()
	if over, err := wt.tell(r.Context()); over || err != nil {
		return err
	}
	var settled <-chan time.Time
	for st.err == nil {
		select {
		case <-changed.C():
			topics, all := changed.Take()
			if all || slices.ContainsFunc(topics, func(t store.Topic) bool { return t != store.RunTopic(runID) }) {
				if err := s.stillMay(r, c, repo); err != nil {
					return err
				}
			}
			if settled == nil {
				settled = time.After(s.times.settle)
			}
			continue
		case e, ok := <-wt.lines:
			if ok {
				wt.show(e)
				continue
			}
			wt.lines = nil
			wt.end()
		case <-beat.C:
			if err := s.stillMay(r, c, repo); err != nil { // the session has expired
				return err
			}
			st.write(": still here\n\n")
			continue
		case <-settled:
			settled = nil
		case <-r.Context().Done():
			return nil
		}
		if over, err := wt.tell(r.Context()); over || err != nil {
			return err
		}
	}
	return nil
}

// liveRun serves GET /{owner}/{repo}/actions/runs/{run}/live: a "changed" event
// at first and whenever the page would look different, and "end" when the run is
// over.
func (s *Site) liveRun(w http.ResponseWriter, r *http.Request, c *auth.Caller) error {
	if !sameOrigin(r) {
		return errOtherSite
	}
	repo, err := s.readable(r, c)
	if err != nil {
		return err
	}
	run, err := s.runOf(r, repo)
	if err != nil {
		return err
	}
	first, err := s.store.Attempt(r.Context(), run.ID, 1)
	if err == nil {
		err = sameOf(r, first.PlanID)
	}
	if err != nil {
		return err
	}
	st := s.stream(w)
	var told uint64
	tell := func(ctx context.Context) (bool, error) {
		n := s.store.Revision(store.RunTopic(run.ID))
		if n+1 == told {
			return false, nil
		}
		told = n + 1 // 0 is for nothing told
		run, err := s.store.RepoRun(ctx, repo.ID, run.ID)
		if err != nil {
			return false, err
		}
		st.send("changed", "", run.Attempt)
		over := run.Status == actions.Completed
		if over {
			st.send("end", "", run.Attempt)
		}
		return over, nil
	}
	s.streamEnded(r, s.follow(r, c, st, repo, run.ID, watcher{tell: tell}))
	return nil
}

// ofQuery is what a page adds to the URL of its stream: the GUID of the job, or of the
// first attempt of the run, that it shows.
func ofQuery(guid string) string { return "?of=" + guid }

// sameOf is NotFound for the stream of a page that shows something else: older data was
// put back while it was open, and its number was given out again.
func sameOf(r *http.Request, guid string) error {
	if of := r.URL.Query().Get("of"); of != "" && of != guid {
		return errNotFound
	}
	return nil
}

// streamEnded notes why a stream broke off, where that is our fault. The
// browser asks again, and gets the answer that fits.
func (s *Site) streamEnded(r *http.Request, err error) {
	if err != nil && actions.KindOf(err) == actions.Internal && r.Context().Err() == nil {
		s.log.ErrorContext(r.Context(), "stream broke off", "pattern", r.Pattern, "err", err)
	}
}
