package runnerapi_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/token"
)

// A feedServer is a server with a run whose jobs have a live console.
type feedServer struct {
	*servertest.Site
	*logstest.Fixture
}

func newFeedServer(t *testing.T) *feedServer {
	t.Helper()
	s := servertest.New(t)
	return &feedServer{s, logstest.On(t, s.Store, s.Blobs, s.Logs)}
}

// dial connects with the token of one job to the feed of another.
func (s *feedServer) dial(j *actions.Job, to string) (*websocket.Conn, int, error) {
	s.T.Helper()
	text, err := s.Keys.SignJob(token.Job{
		PlanGUID: s.Attempt.PlanID, GUID: j.GUID, RepoID: j.RepoID, RunID: j.RunID, ID: j.ID, Acquired: j.StartedAt, Expires: time.Now().Add(time.Hour),
	}, time.Now())
	if err != nil {
		s.T.Fatal(err)
	}
	url := "ws" + strings.TrimPrefix(s.URL, "http") + "/_runner/feed/" + to
	header := http.Header{"Authorization": {"Bearer " + text}}
	conn, resp, err := websocket.Dial(s.T.Context(), url, &websocket.DialOptions{HTTPHeader: header})
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	return conn, status, err
}

func (s *feedServer) connect(j *actions.Job) *websocket.Conn {
	s.T.Helper()
	conn, status, err := s.dial(j, j.GUID)
	if err != nil {
		s.T.Fatalf("%d: %v", status, err)
	}
	s.T.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// send sends a message in frames of 1024 bytes, as the official runner does.
func send(t *testing.T, conn *websocket.Conn, message string) {
	t.Helper()
	w, err := conn.Writer(t.Context(), websocket.MessageText)
	if err != nil {
		t.Fatal(err)
	}
	for len(message) > 0 {
		n := min(len(message), 1024)
		if _, err := io.WriteString(w, message[:n]); err != nil {
			t.Fatal(err)
		}
		message = message[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, events <-chan logs.Event, want ...logs.Event) {
	t.Helper()
	for _, w := range want {
		if d := cmp.Diff(w, next(t, events, func(e logs.Event) bool { return e.View == "" })); d != "" {
			t.Fatal(d)
		}
	}
}

// next is the next event that a test wants; others are passed over.
func next(t *testing.T, events <-chan logs.Event, wanted func(logs.Event) bool) logs.Event {
	t.Helper()
	for late := time.After(20 * time.Second); ; {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatal("the stream has ended")
			}
			if wanted(e) {
				return e
			}
		case <-late:
			t.Fatal("it did not come")
		}
	}
}

func TestFollowersHearWhenTheirRunnerHasNoConnectionAnyMore(t *testing.T) { // LOG-5
	s := newFeedServer(t)
	j := s.Job("build")
	first, second := s.connect(j), s.connect(j)
	lines := s.Logs.Follow(t.Context(), j)
	for i, conn := range []*websocket.Conn{first, second} { // both are known when their lines come
		send(t, conn, fmt.Sprintf(`{"value":["x"],"stepId":%q,"startLine":%d}`, uuid.NewString(), i+1))
		next(t, lines, func(e logs.Event) bool { return e.View == "" })
	}
	s.Pass(time.Minute)
	if s.Logs.ViewGone(j) {
		t.Error("the live view is gone though there are two connections")
	}
	_ = first.CloseNow()
	s.Pass(time.Minute)
	if s.Logs.ViewGone(j) {
		t.Error("the live view is gone though a connection is left")
	}
	_ = second.CloseNow()
	s.until("gone", func() bool { s.Pass(2 * time.Second); return s.Logs.ViewGone(j) }) // some time after the server has seen the end
	events := s.Logs.Follow(t.Context(), j)
	view := func(e logs.Event) bool { return e.View != "" }
	if e := next(t, events, view); e.View != logs.ViewGone {
		t.Errorf("got %v, want that it is gone", e)
	}
	third := s.connect(j)
	if e := next(t, events, view); e.View != logs.ViewBack {
		t.Errorf("got %v, want that it is back", e)
	}
	_ = third.CloseNow()
	s.Complete(j, time.Now())
	if s.Logs.ViewGone(j) {
		t.Error("the live view of a job that is over is gone")
	}
}

// until waits for something that happens at the server.
func (s *feedServer) until(what string, ok func() bool) {
	s.T.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			s.T.Fatalf("not within 20 s: %s", what)
		}
	}
}

func TestLinesOfARunnerReachFollowers(t *testing.T) { // LOG-5
	s := newFeedServer(t)
	j := s.Job("build")
	step := uuid.NewString()
	events := s.Logs.Follow(t.Context(), j)
	conn := s.connect(j)
	send(t, conn, fmt.Sprintf(`{"count":2,"value":["first line","second\r\nthird"],"stepId":%q,"startLine":17}`, strings.ToUpper(step)))
	send(t, conn, fmt.Sprintf(`{"Count":1,"Value":["as the Go runner writes it"],"StepID":%q,"StartLine":null}`, step))
	send(t, conn, `{"value":["of no step"],"stepId":"x"}`)
	send(t, conn, fmt.Sprintf(`{"value":["before the first step"],"stepId":%q}`, j.GUID))
	long, err := json.Marshal(map[string]any{"value": []string{strings.Repeat("ä", 2000), "\xff"}, "stepId": step, "startLine": "21"})
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, string(long))
	want(t, events,
		logs.Event{Step: step, Line: 17, Lines: []string{"first line", "second", "third"}, Lost: true},
		logs.Event{Step: step, Line: 20, Lines: []string{"as the Go runner writes it"}},
		logs.Event{Step: logs.Preamble, Line: 1, Lines: []string{"before the first step"}},
		logs.Event{Step: step, Line: 21, Lines: []string{strings.Repeat("ä", 1024), "\uFFFD"}})
}

func TestFeedAnswersPings(t *testing.T) {
	s := newFeedServer(t)
	conn := s.connect(s.Job("build"))
	ctx := conn.CloseRead(t.Context())
	if err := conn.Ping(ctx); err != nil {
		t.Error(err)
	}
}

// The server may end a job while its runner is at work, which then would connect again.
func TestFeedEndsAMomentAfterTheJob(t *testing.T) { // LOG-5
	s := newFeedServer(t)
	j := s.Job("build")
	conn := s.connect(j)
	send(t, conn, `{"value":["x"],"stepId":"`+uuid.NewString()+`"}`)
	s.Complete(j, s.Now())
	send(t, conn, `{"value":["y"],"stepId":"`+uuid.NewString()+`"}`)
	another := s.connect(j)
	ctx := another.CloseRead(t.Context())
	if err := another.Ping(ctx); err != nil {
		t.Errorf("a connection right after the end: %v", err)
	}
	s.Pass(actions.ShowTime + time.Second)
	if _, status, err := s.dial(j, j.GUID); err == nil || status != http.StatusConflict {
		t.Errorf("later: %d, %v", status, err)
	}
	ended := s.Job("test")
	conn = s.connect(ended)
	s.Complete(ended, s.Now().Add(50*time.Millisecond-actions.ShowTime))
	_, _, err := conn.Read(t.Context())
	if got := websocket.CloseStatus(err); got != websocket.StatusNormalClosure {
		t.Errorf("got %v", err)
	}
}

func TestFeedOfAnotherJobIsNotFound(t *testing.T) {
	s := newFeedServer(t)
	j, other := s.Job("build"), s.Job("test")
	if _, status, err := s.dial(j, other.GUID); err == nil || status != http.StatusNotFound {
		t.Errorf("got %d, %v", status, err)
	}
	other.ID = j.ID
	if _, status, err := s.dial(other, j.GUID); err == nil || status != http.StatusNotFound {
		t.Errorf("token of another job that had its number: %d, %v", status, err)
	}
}

func TestMessagesThatAreNoneEndTheFeed(t *testing.T) {
	for name, c := range map[string]struct {
		message string
		want    websocket.StatusCode
	}{
		"not JSON": {"hello", websocket.StatusInvalidFramePayloadData},
		"too long": {`{"value":["` + strings.Repeat("x", 2<<20) + `"]}`, websocket.StatusMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFeedServer(t)
			conn := s.connect(s.Job("build"))
			go func() { _ = conn.Write(t.Context(), websocket.MessageText, []byte(c.message)) }()
			_, _, err := conn.Read(t.Context())
			var e websocket.CloseError
			if errors.As(err, &e) && e.Code != c.want || err == nil {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
