package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A Source finds actions for the worker.
type Source interface {
	Resolve(ctx context.Context, refs []wire.ActionRef) (map[string]wire.ActionInfo, error)
	// Save downloads the archive of info to an empty file.
	Save(ctx context.Context, info wire.ActionInfo, f *os.File) error
}

// Config is what the runner's end needs.
type Config struct {
	Task    Task
	Sink    worker.Sink
	Actions Source
	Engine  container.Engine // nil if there is none
	Signals <-chan worker.Signal
	Spool   string // a directory for archives on their way
	Log     *slog.Logger
}

// ErrEnded says that the worker has ended without a result.
var ErrEnded = errors.New("the worker has ended without a result")

// Serve gives the task to the worker at the other end of the door, takes what it
// shows, and returns its result. When ctx ends, the worker is told to end at once;
// it may still send a result until ended is closed, which says that its process is
// gone.
func Serve(ctx context.Context, outer *os.File, c Config, ended <-chan struct{}) (*worker.Result, error) {
	door, err := packet(outer)
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	s := &server{Config: c, kill: ctx.Done(), result: make(chan *worker.Result, 1), answered: make(chan struct{})}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	hs := &http.Server{
		Handler: s.mux(), ReadHeaderTimeout: headerTime, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return serving },
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer func() { _ = hs.Close() }() // nobody is left to answer
	defer stop()
	wg.Go(func() { _ = hs.Serve(newListener(door)) }) // it ends with the door
	select {
	case r := <-s.result:
		select { // with this function the connections are closed
		case <-s.answered:
		case <-ended:
		}
		return r, nil
	case <-ended:
	}
	select {
	case r := <-s.result:
		return r, nil
	default:
		return nil, ErrEnded
	}
}

// A server answers a worker.
type server struct {
	Config
	kill     <-chan struct{}
	result   chan *worker.Result // of size 1: the first counts
	answered chan struct{}       // closed when the worker has been told that it is here
	buffers  sync.Pool           // of *[]byte, for text of logs
	commands commands            // of the container engine
}

func (s *server) mux() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+taskPath, s.task)
	m.HandleFunc("GET "+signalsPath, s.signals)
	m.HandleFunc("POST "+stepPath, s.step)
	m.HandleFunc("POST "+logPath+"{step}", s.log)
	m.HandleFunc("POST "+endPath+"{step}", func(_ http.ResponseWriter, r *http.Request) { s.Sink.EndLog(r.PathValue("step")) })
	m.HandleFunc("POST "+summaryPath+"{step}", s.summary)
	m.HandleFunc("POST "+resolvePath, s.resolve)
	m.HandleFunc("POST "+archivePath, s.archive)
	m.HandleFunc("POST "+resultPath, s.end)
	m.HandleFunc("POST "+enginePath, s.engine)
	m.HandleFunc("POST "+stopPath, s.stopCommand)
	return m
}

// refuse answers with the text of an error, which the worker shows as its own.
func refuse(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusUnprocessableEntity)
}

func answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		refuse(w, err)
		return
	}
	_, _ = w.Write(b) // a worker that is gone needs no answer
}

// decode reads the body of a request.
func decode(w http.ResponseWriter, r *http.Request, v any) (ok bool) {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(v)
	if err != nil {
		refuse(w, err)
	}
	return err == nil
}

func (s *server) task(w http.ResponseWriter, _ *http.Request) { answer(w, s.Task) }

// signals sends each signal as a line, for as long as the worker listens.
func (s *server) signals(w http.ResponseWriter, r *http.Request) {
	to := http.NewResponseController(w)
	send := func(signal worker.Signal) bool {
		_, err := fmt.Fprintln(w, int(signal))
		return errors.Join(err, to.Flush()) == nil
	}
	if to.Flush() != nil {
		return
	}
	for {
		select {
		case signal := <-s.Signals:
			if !send(signal) {
				return
			}
		case <-s.kill:
			send(killSignal)
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (s *server) step(w http.ResponseWriter, r *http.Request) {
	var u wire.StepUpdate
	if decode(w, r, &u) {
		s.Sink.Step(u)
	}
}

// log passes text on. The worker waits for the answer, and a job that prints faster
// than the sink takes waits for it.
func (s *server) log(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength < 0 || r.ContentLength > maxRequest {
		refuse(w, errors.New("text without a length, or too long"))
		return
	}
	buf, _ := s.buffers.Get().(*[]byte)
	if buf == nil || cap(*buf) < int(r.ContentLength) {
		b := make([]byte, r.ContentLength)
		buf = &b
	}
	defer s.buffers.Put(buf)
	text := (*buf)[:r.ContentLength]
	if _, err := io.ReadFull(r.Body, text); err != nil {
		refuse(w, err)
		return
	}
	s.Sink.Log(r.PathValue("step"), text)
}

func (s *server) summary(w http.ResponseWriter, r *http.Request) {
	if err := s.Sink.Summary(r.PathValue("step"), r.ContentLength, r.Body); err != nil {
		refuse(w, err)
	}
}

func (s *server) resolve(w http.ResponseWriter, r *http.Request) {
	var refs []wire.ActionRef
	if !decode(w, r, &refs) {
		return
	}
	infos, err := s.Actions.Resolve(r.Context(), refs)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, infos)
}

// archive downloads an archive whole before it passes it on: a download may break
// off and begin again.
func (s *server) archive(w http.ResponseWriter, r *http.Request) {
	var info wire.ActionInfo
	if !decode(w, r, &info) {
		return
	}
	f, err := os.CreateTemp(s.Spool, "archive-")
	if err != nil {
		refuse(w, err)
		return
	}
	defer func() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }() // at worst it goes with the spool
	if err := s.Actions.Save(r.Context(), info, f); err != nil {
		refuse(w, err)
		return
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		refuse(w, err)
		return
	}
	_, _ = io.Copy(w, f) // a worker that is gone needs no archive
}

func (s *server) end(w http.ResponseWriter, r *http.Request) {
	result := new(worker.Result)
	if !decode(w, r, result) {
		return
	}
	select {
	case s.result <- result:
		defer close(s.answered)
	default:
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	_ = http.NewResponseController(w).Flush() // a worker that is gone needs no answer
}
