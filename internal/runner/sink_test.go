package runner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// runJob runs one job that shows something, and returns when it is completed.
func runJob(t *testing.T, s *server, show func(context.Context, *worker.Job)) {
	t.Helper()
	listen(t, configure(t, s, nil), func(ctx context.Context, j *worker.Job) *worker.Result {
		show(ctx, j)
		return &worker.Result{Conclusion: wire.Succeeded}
	}, nil)
	s.offer("request-1")
	s.result()
}

// unstamped is a log without its time stamps, which every line must have.
func unstamped(t *testing.T, log string) string {
	t.Helper()
	var b strings.Builder
	b.Grow(len(log))
	for line := range strings.Lines(log) {
		n := len(wire.LogTime) + 1
		if len(line) < n || line[n-2:n] != "Z " {
			t.Fatalf("line without a time stamp: %.80q", line)
		}
		if _, err := time.Parse(wire.LogTime, line[:n-1]); err != nil && b.Len() < 1<<20 {
			t.Fatalf("time stamp: %v", err)
		}
		b.WriteString(line[n:])
	}
	return b.String()
}

func TestShortLogIsOneUpload(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		j.Sink.Log("a", []byte("one\ntw"))
		j.Sink.Log("a", []byte("o\nthree\n"))
		j.Sink.EndLog("a")
		j.Sink.Log("b", []byte("never ended"))
	})
	if got, want := unstamped(t, s.blob("a")), "one\ntwo\nthree\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := unstamped(t, s.blob("b")), "never ended\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.creates != 0 || s.seals != 0 {
		t.Errorf("%d append blobs, %d seals", s.creates, s.seals)
	}
	if s.logs["a"].LineCount != 3 || s.logs["b"].LineCount != 1 {
		t.Errorf("metadata %+v", s.logs)
	}
}

// long is a text of n lines, numbered.
func long(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%07d the quick brown fox jumps over the lazy dog and goes on for a while after that\n", i)
	}
	return b.String()
}

// feedInto logs text in pieces as they come from a pipe.
func feedInto(sink worker.Sink, step, text string) {
	for len(text) > 0 {
		n := min(len(text), 60_001)
		sink.Log(step, []byte(text[:n]))
		text = text[n:]
	}
}

func TestLongLogIsUploadedInPiecesOfWholeLines(t *testing.T) {
	s := newServer(t)
	text := long(150_000)
	runJob(t, s, func(_ context.Context, j *worker.Job) { feedInto(j.Sink, "a", text) })
	if got := unstamped(t, s.blob("a")); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
	if n := len(s.blobs["a"]); n < 4 {
		t.Errorf("%d pieces", n)
	}
	for part, b := range s.blobs["a"] {
		if len(b) > pieceSize || !bytes.HasSuffix(b, []byte("\n")) {
			t.Errorf("piece %d has %d bytes and ends in %q", part, len(b), b[len(b)-1])
		}
	}
	if s.creates != 1 || s.seals != 1 {
		t.Errorf("%d creations, %d seals", s.creates, s.seals)
	}
	if got := s.logs["a"].LineCount; got != 150_000 {
		t.Errorf("%d lines", got)
	}
}

func TestLineLongerThanAPieceIsDividedAndKeptWhole(t *testing.T) {
	s := newServer(t)
	text := "first\n" + strings.Repeat("x", 10<<20) + "\nlast\n"
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		j.Sink.Log("a", []byte(text[:7<<20]))
		j.Sink.Log("a", []byte(text[7<<20:]))
	})
	if got := unstamped(t, s.blob("a")); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

func TestUploadWhoseAnswerIsLostIsNotDoubled(t *testing.T) {
	s := newServer(t)
	var calls atomic.Int64
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || calls.Add(1)%2 == 0 {
			return false
		}
		s.put(w, r) // it is stored, and then the server dies
		hangUp(w)
		return true
	})
	text := long(60_000)
	runJob(t, s, func(_ context.Context, j *worker.Job) { feedInto(j.Sink, "a", text) })
	if got := unstamped(t, s.blob("a")); got != text {
		t.Errorf("%d bytes, want %d", len(got), len(text))
	}
}

func TestExpiredURLIsReplaced(t *testing.T) {
	s := newServer(t)
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || r.URL.Query().Get("part") != "1" {
			return false
		}
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	runJob(t, s, func(_ context.Context, j *worker.Job) { j.Sink.Log("a", []byte("one\n")) })
	if got := unstamped(t, s.blob("a")); got != "one\n" {
		t.Errorf("got %q", got)
	}
}

func TestJobSurvivesAServerThatIsAway(t *testing.T) {
	for name, away := range map[string]func(http.ResponseWriter){
		"connection lost": hangUp,
		"503":             func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) },
		"500":             func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"401":             func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.lock = 300 * time.Millisecond // so that renewals fall into it
			text := long(250_000)           // more than the spool keeps in memory
			var refused atomic.Int64
			listen(t, configure(t, s, nil), func(ctx context.Context, j *worker.Job) *worker.Result {
				j.Sink.Step(wire.StepUpdate{ExternalID: "a", Number: 1, Status: wire.StepInProgress})
				feedInto(j.Sink, "a", text[:len(text)/4])
				s.failing(func(w http.ResponseWriter, _ *http.Request) bool {
					refused.Add(1)
					away(w)
					return true
				})
				feedInto(j.Sink, "a", text[len(text)/4:])
				j.Sink.Step(wire.StepUpdate{ExternalID: "a", Number: 1, Status: wire.StepCompleted})
				if err := j.Sink.Summary("a", 7, strings.NewReader("summary")); err != nil {
					t.Errorf("summary: %v", err)
				}
				time.AfterFunc(700*time.Millisecond, func() { s.failing(nil) })
				select {
				case sig := <-j.Signals:
					t.Errorf("signal %v", sig)
				case <-ctx.Done():
					t.Error("killed")
				case <-time.After(400 * time.Millisecond):
				}
				return &worker.Result{Conclusion: wire.Succeeded}
			}, nil)
			s.offer("request-1")
			if got := s.result().Conclusion; got != wire.Succeeded {
				t.Errorf("conclusion %s", got)
			}
			if refused.Load() == 0 {
				t.Error("the server was never away")
			}
			if got := unstamped(t, s.blob("a")); got != text {
				t.Errorf("%d bytes, want %d", len(got), len(text))
			}
			if got := s.blob("summary-a"); got != "summary" {
				t.Errorf("summary %q", got)
			}
			if last := s.updates[len(s.updates)-1]; last[0].Status != wire.StepCompleted {
				t.Errorf("last update %+v", last)
			}
		})
	}
}

func TestLostJobGivesUpItsReports(t *testing.T) {
	s := newServer(t)
	s.failing(func(w http.ResponseWriter, r *http.Request) bool {
		switch r.URL.Path {
		case "/run/renewjob":
			answerJSON(w, runRefusal(http.StatusNotFound))
		case "/run/completejob":
			s.results <- wire.CompleteJobRequest{}
			answerJSON(w, runRefusal(http.StatusNotFound))
		case "/" + wire.StepsUpdatePath, "/" + wire.ReceiverPrefix + wire.GetStepLogsURL:
			hangUp(w)
		default:
			return false
		}
		return true
	})
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		<-j.Signals
		j.Sink.Step(wire.StepUpdate{ExternalID: "a"})
		j.Sink.Log("a", []byte(long(200_000)))
	})
}

func TestStepsAreReportedInOrderTogetherAndInTheirLatestState(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		j.Sink.Step(wire.StepUpdate{ExternalID: "0", Status: wire.StepInProgress})
		s.eventually("the first is reported at once", func() bool { return len(s.updates) == 1 })
		for i := range 60 {
			j.Sink.Step(wire.StepUpdate{ExternalID: fmt.Sprint(i), Number: i, Status: wire.StepInProgress})
			j.Sink.Step(wire.StepUpdate{ExternalID: fmt.Sprint(i), Number: i, Status: wire.StepCompleted, Conclusion: wire.StepSuccess})
		}
	})
	var got []string
	last := map[string]wire.StepStatus{}
	for _, u := range s.updates[1:] {
		if len(u) > maxUpdates {
			t.Errorf("%d records in one request", len(u))
		}
		for _, step := range u {
			got = append(got, step.ExternalID)
			last[step.ExternalID] = step.Status
		}
	}
	if len(got) > 65 {
		t.Errorf("%d records for 60 steps", len(got))
	}
	for i := range 60 {
		if last[fmt.Sprint(i)] != wire.StepCompleted {
			t.Errorf("step %d ends as %v", i, last[fmt.Sprint(i)])
		}
	}
	if !slices.IsSorted(s.orders) || s.orders[0] != 1 {
		t.Errorf("change orders %v", s.orders)
	}
}

func TestLiveLinesComeWithTheirNumbers(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		j.Sink.Log("a", []byte("one\ntwo\nth"))
		s.eventually("lines", func() bool { return len(s.feed) == 1 })
		j.Sink.Log("a", []byte("ree\n"+strings.Repeat("é", 2000)+"\n"))
		j.Sink.Log("b", []byte("\xff\n"))
		s.eventually("more lines", func() bool { return len(s.feed) >= 3 })
	})
	want := []wire.FeedLines{
		{Count: 2, StepID: "a", StartLine: 1, Value: []string{"one", "two"}},
		{Count: 2, StepID: "a", StartLine: 3, Value: []string{"three", strings.Repeat("é", feedLine/2)}},
		{Count: 1, StepID: "b", StartLine: 1, Value: []string{"\uFFFD"}},
	}
	if d := cmp.Diff(want, s.feed); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestLiveLinesAreDroppedAndNotCountedWrongWhenThereAreTooMany(t *testing.T) {
	s := newServer(t)
	text := long(20_000)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		feedInto(j.Sink, "a", text)
		for n := 20_001; ; n++ { // until there is room again
			j.Sink.Log("a", fmt.Appendf(nil, "%07d after all\n", n-1))
			s.mu.Lock()
			last := wire.FeedLines{StartLine: 1}
			if len(s.feed) > 0 {
				last = s.feed[len(s.feed)-1]
			}
			s.mu.Unlock()
			if int(last.StartLine)+last.Count > 20_001 {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
	for _, m := range s.feed {
		if m.Count > feedMessage {
			t.Errorf("%d lines in one message", m.Count)
		}
		for i, line := range m.Value {
			if n := int(m.StartLine) + i; !strings.HasPrefix(line, fmt.Sprintf("%07d ", n-1)) {
				t.Fatalf("line %d is %q", n, line)
			}
		}
	}
}

func TestLiveLinesGoOnAfterTheConnectionWasLost(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		j.Sink.Log("a", []byte("one\n"))
		s.eventually("a line", func() bool { return len(s.feed) == 1 })
		s.http.CloseClientConnections()
		for i := 0; ; i++ {
			j.Sink.Log("a", fmt.Appendf(nil, "more %d\n", i))
			s.mu.Lock()
			n := len(s.feed)
			s.mu.Unlock()
			if n > 1 || i == 4000 {
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
		s.eventually("lines again", func() bool { return len(s.feed) > 1 })
	})
}

func TestSummaryIsUploadedAndLimited(t *testing.T) {
	s := newServer(t)
	runJob(t, s, func(_ context.Context, j *worker.Job) {
		if err := j.Sink.Summary("a", 9, strings.NewReader("# Summary")); err != nil {
			t.Error(err)
		}
		if err := j.Sink.Summary("b", 2<<20, io.LimitReader(zeros{}, 2<<20)); err == nil {
			t.Error("2 MiB are accepted")
		}
	})
	if got := s.blob("summary-a"); got != "# Summary" || s.sums["a"].Size != 9 {
		t.Errorf("summary %q, %+v", got, s.sums)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestSlowServerSlowsTheJobDownInsteadOfFillingTheDisk(t *testing.T) {
	dir := t.TempDir()
	s := newSpool(t.Context(), dir)
	var pieces []*piece
	for range 2 {
		pieces = append(pieces, s.store(make([]byte, pieceSize)))
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		s.release(pieces[0])
	}()
	if p := s.store(make([]byte, pieceSize)); p.data == nil {
		t.Error("a piece went to a file although the server was only slow")
	}
	s.setAway(true)
	p := s.store(bytes.Repeat([]byte("x"), pieceSize))
	if p.data != nil {
		t.Fatal("a piece stayed in memory although there was no room")
	}
	r, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || len(b) != pieceSize || b[0] != 'x' || r.Close() != nil {
		t.Errorf("%d bytes came back, %v", len(b), err)
	}
	s.release(p)
}

func BenchmarkLog(b *testing.B) {
	gone := b.Context()
	l := &stepLog{sink: &sink{
		lease: &lease{job: &job{r: &Runner{cfg: Config{Now: time.Now}}}},
		spool: newSpool(gone, b.TempDir()), feed: &feed{url: "x", wake: make(chan struct{}, 1)}, turns: make(chan struct{}, 1),
	}, sending: true}
	text := []byte(long(700))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		l.append(text)
		for {
			l.mu.Lock()
			l.sending = true
			l.mu.Unlock()
			p, ok := l.next()
			if !ok {
				break
			}
			l.sink.spool.release(p.piece)
		}
		l.sending = true
	}
}
