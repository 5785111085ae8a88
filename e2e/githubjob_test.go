package e2e_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	guid "github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	pieceSize = 2 << 20 // bytes after which the runner begins another piece of a log
	bom       = "\uFEFF"
)

// A githubJob is a job that a [githubRunner] has. Its worker does what the test says.
type githubJob struct {
	runner *githubRunner
	msg    wire.JobMessage
	auth   string
	ids    wire.ResultsIDs
	over   chan struct{} // closed when the worker has ended
	gaveUp chan struct{} // closed when no renewal came through: the job is the runner's no more

	order int // of updates of steps
	steps []*githubStep
	log   pieces   // of the whole job
	lost  []string // what could not be uploaded: it will never be tried again

	mu    sync.Mutex
	lines []wire.FeedLines // that wait to be shown live
	feeds int              // connections for live lines that were made
	blind bool             // the last three tries to make one failed
}

// A githubStep is a step of a job.
type githubStep struct {
	job    *githubJob
	result wire.StepResult
	log    pieces
	shown  int // lines
}

// pieces are a log as the runner keeps it: in files that each are uploaded as they are.
type pieces struct {
	files []*bytes.Buffer
	lines int
}

func (p *pieces) add(line string) {
	if n := len(p.files); n == 0 || p.files[n-1].Len() >= pieceSize {
		p.files = append(p.files, bytes.NewBufferString(bom))
	}
	p.lines++
	p.files[len(p.files)-1].WriteString(line + "\n")
}

// text is all that was printed, as it is kept at the server.
func (p *pieces) text() string {
	var b strings.Builder
	for _, f := range p.files {
		b.WriteString(strings.TrimPrefix(f.String(), bom))
	}
	return b.String()
}

// renew renews the job once, with what belongs to that.
func (j *githubJob) renew(ctx context.Context) error {
	in := wire.RenewJobRequest{PlanID: j.ids.RunID, JobID: j.ids.JobID}
	return j.runner.tries(ctx, func() error {
		return j.runner.call(ctx, http.MethodPost, j.msg.Connection().URL+wire.RenewJobPath, j.auth, in, nil)
	})
}

// hold renews the job until it is over. When that fails, the worker is cancelled.
func (j *githubJob) hold(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.over:
			return
		case <-time.After(j.runner.pace.renew):
		}
		if j.renew(ctx) != nil && ctx.Err() == nil {
			close(j.gaveUp)
			return
		}
	}
}

// step begins a step.
func (j *githubJob) step(name string) *githubStep {
	s := &githubStep{job: j, result: wire.StepResult{
		ExternalID: guid.NewString(), Number: len(j.steps) + 1, Name: name, Type: wire.StepRun, StartedAt: wire.At(time.Now()),
	}}
	j.steps = append(j.steps, s)
	s.update(wire.StepInProgress, wire.StepConclusionUnknown)
	return s
}

// update tells how far the step is, once.
func (s *githubStep) update(status wire.StepStatus, conclusion wire.StepConclusion) {
	j := s.job
	j.order++
	in := wire.StepsUpdateRequest{ResultsIDs: j.ids, ChangeOrder: wire.Int(j.order), Steps: []wire.StepUpdate{{
		ExternalID: s.result.ExternalID, Number: s.result.Number, Name: s.result.Name, Status: status, Conclusion: conclusion,
		StartedAt: s.result.StartedAt, CompletedAt: s.result.CompletedAt,
	}}}
	if err := j.results(wire.StepsUpdatePath, in, nil); err != nil {
		j.lost = append(j.lost, "state of "+s.result.Name)
	}
}

// results calls the results service, once.
func (j *githubJob) results(path string, in, out any) error {
	ctx := j.runner.t.Context()
	return j.runner.call(ctx, http.MethodPost, j.msg.Variable(wire.VarResultsEndpoint)+path, j.auth, in, out)
}

// print prints lines.
func (s *githubStep) print(lines ...string) {
	for _, line := range lines {
		line = string(wire.AppendLogTime(nil, time.Now())) + line
		s.log.add(line)
		s.job.log.add(line)
	}
	s.job.mu.Lock()
	defer s.job.mu.Unlock()
	for at := 0; at < len(lines); at += 100 {
		some := lines[at:min(at+100, len(lines))]
		if len(s.job.lines) < 10 { // what is too much is not shown
			s.job.lines = append(s.job.lines, wire.FeedLines{Count: len(some), Value: some, StepID: s.result.ExternalID, StartLine: wire.Int(s.shown + at + 1)})
		}
	}
	s.shown += len(lines)
}

// end ends the step, and uploads what it has printed and its summary, if that is not
// empty.
func (s *githubStep) end(conclusion, summary string) {
	j := s.job
	s.result.Status, s.result.Conclusion, s.result.CompletedAt = wire.Completed, conclusion, wire.At(time.Now())
	said := wire.StepSuccess
	switch conclusion {
	case wire.Failed:
		said = wire.StepFailure
	case wire.Canceled:
		said = wire.StepCancelled
	}
	if err := j.uploadLog(s.result.ExternalID, &s.log); err != nil {
		j.lost = append(j.lost, "log of "+s.result.Name)
	}
	if summary != "" {
		if err := j.uploadSummary(s.result.ExternalID, summary); err != nil {
			j.lost = append(j.lost, "summary of "+s.result.Name)
		}
	}
	s.update(wire.StepCompleted, said)
}

// uploadLog uploads a log as the Azure library does: each piece to a URL that was just
// asked for. Nothing of it is tried again.
func (j *githubJob) uploadLog(step string, log *pieces) error {
	method, done := wire.GetStepLogsURL, wire.CreateStepLogs
	if step == "" {
		method, done = wire.GetJobLogsURL, wire.CreateJobLogs
	}
	var errs []error
	for i := range log.files {
		errs = append(errs, j.uploadPiece(method, step, log, i))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	in := wire.LogsMetadata{ResultsIDs: j.ids, StepID: step, UploadedAt: wire.At(time.Now()), LineCount: wire.Int(log.lines)}
	return j.results(wire.ReceiverPrefix+done, in, nil)
}

func (j *githubJob) uploadPiece(method, step string, log *pieces, i int) error {
	var at wire.LogsURLResponse
	if err := j.results(wire.ReceiverPrefix+method, wire.BlobURLRequest{ResultsIDs: j.ids, StepID: step}, &at); err != nil {
		return err
	}
	body := log.files[i].Bytes()
	calls := []blobCall{{query: wire.CompAppendBlock, body: body}}
	if i == 0 {
		create := blobCall{headers: []string{wire.BlobTypeHeader, wire.AppendBlob, "If-None-Match", "*"}}
		calls = append([]blobCall{create}, calls...)
	}
	if i == len(log.files)-1 {
		calls = append(calls, blobCall{query: "comp=seal"})
	}
	if len(log.files) == 1 {
		calls = []blobCall{{body: body, headers: []string{wire.BlobTypeHeader, wire.BlockBlob, "If-None-Match", "*"}}}
	}
	for _, c := range calls {
		if err := j.put(at.LogsURL, c); err != nil {
			return err
		}
	}
	return nil
}

// A blobCall is one call of the Azure library about a blob.
type blobCall struct {
	query   string
	body    []byte
	headers []string
}

func (j *githubJob) put(to string, c blobCall) error {
	if c.query != "" {
		to += "&" + c.query
	}
	headers := append([]string{"Content-Type", "text/plain", "x-ms-version", "2021-12-02"}, c.headers...)
	err := j.runner.send(j.runner.t.Context(), http.MethodPut, to, nil, c.body, headers...)
	if err == nil {
		j.runner.puts.Add(1)
	}
	return err
}

func (j *githubJob) uploadSummary(step, text string) error {
	var at wire.SummaryURLResponse
	if err := j.results(wire.ReceiverPrefix+wire.GetStepSummaryURL, wire.BlobURLRequest{ResultsIDs: j.ids, StepID: step}, &at); err != nil {
		return err
	}
	if err := j.put(at.SummaryURL, blobCall{body: []byte(text), headers: []string{wire.BlobTypeHeader, wire.BlockBlob}}); err != nil {
		return err
	}
	return j.results(wire.ReceiverPrefix+wire.CreateStepSummary, wire.SummaryMetadata{ResultsIDs: j.ids, StepID: step, Size: wire.Int(len(text)), UploadedAt: wire.At(time.Now())}, nil)
}

// uploadArtifact uploads an artifact in one piece.
func (j *githubJob) uploadArtifact(name string, content []byte) error {
	const service = "twirp/" + wire.ArtifactService + "/"
	var at wire.CreateArtifactResponse
	create := wire.CreateArtifactRequest{ResultsIDs: j.ids, Name: name, Version: 7, MimeType: "text/plain"}
	if err := j.results(service+wire.CreateArtifact, create, &at); err != nil {
		return err
	}
	if err := j.put(at.SignedUploadURL, blobCall{body: content, headers: []string{wire.BlobTypeHeader, wire.BlockBlob}}); err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	return j.results(service+wire.FinalizeArtifact, wire.FinalizeArtifactRequest{
		ResultsIDs: j.ids, Name: name, Size: wire.IntString(len(content)), Hash: "sha256:" + hex.EncodeToString(sum[:]),
	}, nil)
}

// finish uploads the log of the job and reports its end.
func (j *githubJob) finish(conclusion string) error {
	if err := j.uploadLog("", &j.log); err != nil {
		j.lost = append(j.lost, "log of the job")
	}
	req := wire.CompleteJobRequest{Conclusion: conclusion}
	for _, s := range j.steps {
		req.StepResults = append(req.StepResults, s.result)
	}
	return j.complete(&req)
}

// killed is what the listener reports when the process of the worker was killed.
func (j *githubJob) killed() error {
	return j.complete(&wire.CompleteJobRequest{Conclusion: wire.Failed})
}

// complete reports the end of the job, five times five times at the most. With shorter
// pauses it does so as often as that takes GitHub's runner at least.
func (j *githubJob) complete(req *wire.CompleteJobRequest) (err error) {
	close(j.over)
	req.PlanID, req.JobID = j.ids.RunID, j.ids.JobID
	ctx := j.runner.t.Context()
	least := time.Now().Add(5 * 4 * githubPace.pause[0])
	for outer := 0; outer < 5 || time.Now().Before(least); outer++ {
		err = j.runner.tries(ctx, func() error {
			return j.runner.call(ctx, http.MethodPost, j.msg.Connection().URL+wire.CompleteJobPath, j.auth, req, nil)
		})
		if status := statusOf(err); err == nil || status == http.StatusNotFound || status == http.StatusUnauthorized {
			break
		}
	}
	j.runner.setJob(nil)
	return err
}

// live shows lines until the job is over. It connects three times in quick succession,
// and gives up for a long time when that fails.
func (j *githubJob) live(ctx context.Context) {
	for ctx.Err() == nil {
		conn := j.connect(ctx)
		if conn != nil {
			j.mu.Lock()
			j.feeds++
			j.mu.Unlock()
			over := j.show(ctx, conn)
			_ = conn.CloseNow() // it may have ended
			if over {
				return
			}
			continue
		}
		j.mu.Lock()
		j.blind = true
		j.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-j.over:
			return
		case <-time.After(j.runner.pace.feedNext):
		}
	}
}

func (j *githubJob) connect(ctx context.Context) *websocket.Conn {
	for range 3 {
		least, most := j.runner.pace.feed[0], j.runner.pace.feed[1]
		ctx, cancel := context.WithTimeout(ctx, least+mathrand.N(most-least))
		header := http.Header{"Authorization": {j.auth}}
		conn, resp, err := websocket.Dial(ctx, j.msg.Connection().Data[wire.FeedStreamURL], &websocket.DialOptions{HTTPHeader: header, HTTPClient: j.runner.http})
		if err == nil {
			cancel()
			return conn
		}
		if resp != nil && resp.Body != nil {
			_ = resp.Body.Close() // of a refusal
		}
		<-ctx.Done()
		cancel()
	}
	return nil
}

// show sends lines in frames of 1024 bytes until the job or the connection is over, and
// says which.
func (j *githubJob) show(ctx context.Context, conn *websocket.Conn) (over bool) {
	broken := conn.CloseRead(ctx)
	for {
		j.mu.Lock()
		waiting := j.lines
		j.lines = nil
		j.mu.Unlock()
		for _, m := range waiting {
			if sendFrames(ctx, conn, m) != nil {
				return false
			}
		}
		select {
		case <-j.over:
			_ = conn.Close(websocket.StatusNormalClosure, "") // it may have ended
			return true
		case <-broken.Done():
			return ctx.Err() != nil
		case <-time.After(j.runner.pace.live):
		}
	}
}

func sendFrames(ctx context.Context, conn *websocket.Conn, m wire.FeedLines) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	w, err := conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for len(text) > 0 {
		n := min(len(text), 1024)
		if _, err := w.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return w.Close()
}

// shown is how often there was a connection for live lines.
func (j *githubJob) shown() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.feeds
}

// gaveUpLive says whether the runner has given up to show lines.
func (j *githubJob) gaveUpLive() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.blind
}
