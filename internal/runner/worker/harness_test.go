package worker

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A memorySink keeps all that a job shows.
type memorySink struct {
	mu        sync.Mutex
	steps     map[string]wire.StepUpdate
	logs      map[string]*strings.Builder
	ended     map[string]bool
	summaries map[string]string
	wrote     chan struct{} // gets something whenever a log grows
}

func newMemorySink() *memorySink {
	return &memorySink{
		steps: map[string]wire.StepUpdate{}, logs: map[string]*strings.Builder{},
		ended: map[string]bool{}, summaries: map[string]string{}, wrote: make(chan struct{}, 1),
	}
}

func (s *memorySink) Step(u wire.StepUpdate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[u.ExternalID] = u
}

func (s *memorySink) Log(id string, text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs[id] == nil {
		s.logs[id] = &strings.Builder{}
	}
	s.logs[id].Write(text)
	select {
	case s.wrote <- struct{}{}:
	default:
	}
}

func (s *memorySink) EndLog(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[id] = true
}

func (s *memorySink) Summary(id string, _ int64, r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.summaries[id] = string(text)
	return err
}

// await waits until the log of a step has a text in it.
func (s *memorySink) await(t *testing.T, id, text string) {
	t.Helper()
	for {
		s.mu.Lock()
		log := s.logs[id]
		found := log != nil && strings.Contains(log.String(), text)
		s.mu.Unlock()
		if found {
			return
		}
		select {
		case <-s.wrote:
		case <-t.Context().Done():
			t.Fatalf("no %q in the log of step %s", text, id)
		}
	}
}

// A directorySource has actions in a directory: OWNER/REPO/REF/….
type directorySource struct {
	dir     string
	mu      sync.Mutex
	fetched []string
}

func (d *directorySource) Resolve(_ context.Context, refs []wire.ActionRef) (map[string]wire.ActionInfo, error) {
	infos := map[string]wire.ActionInfo{}
	for _, ref := range refs {
		if _, err := os.Stat(filepath.Join(d.dir, ref.Action, ref.Version)); err != nil {
			return nil, problemf("Unable to resolve action `%s`, not found", ref.Key())
		}
		infos[ref.Key()] = wire.ActionInfo{Name: ref.Action, Version: ref.Version, ResolvedName: ref.Action, ResolvedSHA: "0123456789"}
	}
	return infos, nil
}

func (d *directorySource) Fetch(_ context.Context, info wire.ActionInfo, dir string) error {
	d.mu.Lock()
	d.fetched = append(d.fetched, info.Name+"@"+info.Version)
	d.mu.Unlock()
	return os.CopyFS(dir, os.DirFS(filepath.Join(d.dir, info.Name, info.Version)))
}

// A bench is a job to be, and what it needs.
type bench struct {
	t       *testing.T
	job     *Job
	sink    *memorySink
	signals chan Signal
	actions *directorySource
	timing  timing
}

func newBench(t *testing.T, steps ...wire.Step) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{
		t: t, sink: newMemorySink(), signals: make(chan Signal),
		actions: &directorySource{dir: filepath.Join(root, "source")},
		timing: timing{
			grace:  host.Grace{Interrupt: 2 * time.Second, Terminate: time.Second, Output: 5 * time.Second},
			minute: time.Minute,
		},
	}
	work := filepath.Join(root, "work")
	for _, dir := range []string{work, filepath.Join(work, "_temp"), filepath.Join(work, "_actions"), filepath.Join(root, "tool")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.job = &Job{
		Message: message(steps), WorkDir: work, TempDir: filepath.Join(work, "_temp"),
		ActionsDir: filepath.Join(work, "_actions"), ToolDir: filepath.Join(root, "tool"),
		Runner: RunnerInfo{
			Name: "test", OS: "Linux", Arch: "X64", GroupName: "Default",
			Environment: "self-hosted", Version: "1.0.0", MachineName: "host",
		},
		Host:    host.NewLocal([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + root, "LANG=C.UTF-8"}, host.NewTrackingID()),
		Actions: b.actions, Sink: b.sink, Signals: b.signals, Now: time.Now,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	return b
}

func message(steps []wire.Step) *wire.JobMessage {
	for i := range steps {
		if steps[i].ID == "" {
			steps[i].ID = fmt.Sprintf("s%d", i+1)
		}
		if steps[i].ContextName == "" {
			steps[i].ContextName = fmt.Sprintf("__run_%d", i+1)
		}
	}
	event := dict(wire.ContextPair{Key: "after", Value: "0123"}, wire.ContextPair{Key: "n", Value: 3.0})
	return &wire.JobMessage{
		JobID: "job", JobDisplayName: "build", Steps: steps,
		Resources: wire.Resources{Endpoints: []wire.Endpoint{{
			Name: wire.SystemConnection, URL: "https://ci.example/run/",
			Authorization: wire.EndpointAuthorization{Parameters: map[string]string{wire.AccessToken: "job-token-value"}},
			Data:          map[string]string{wire.ResultsServiceURL: "https://ci.example/", wire.CacheServerURL: "https://ci.example/cache/"},
		}}},
		ContextData: wire.ContextData{
			"github": dict(
				wire.ContextPair{Key: "repository", Value: "octo/hello"},
				wire.ContextPair{Key: "sha", Value: "abc123"},
				wire.ContextPair{Key: "ref", Value: "refs/heads/main"},
				wire.ContextPair{Key: "head_ref", Value: ""},
				wire.ContextPair{Key: "ref_protected", Value: false},
				wire.ContextPair{Key: "run_id", Value: "42"},
				wire.ContextPair{Key: "event", Value: event},
			),
			"matrix": dict(wire.ContextPair{Key: "go", Value: 2.0}),
			"vars":   dict(wire.ContextPair{Key: "REGION", Value: "north"}),
		},
		Variables: map[string]wire.Variable{
			wire.VarJob:              {Value: "build"},
			wire.VarToken:            {Value: "ghs_secret", IsSecret: true},
			"github_token":           {Value: "ghs_secret", IsSecret: true},
			"PASSWORD":               {Value: "hunter2hunter2", IsSecret: true},
			wire.VarTokenPermissions: {Value: `{"Contents":"read","Metadata":"read"}`},
		},
	}
}

// dict is a dictionary of a context.
func dict(pairs ...wire.ContextPair) *wire.ContextDict { return &wire.ContextDict{Pairs: pairs} }

// expression is an expression of the job message.
func expression(e string) *wire.Token { return &wire.Token{Type: wire.ExpressionToken, Expr: e} }

// run runs the job to its end.
func (b *bench) run() *Result {
	b.t.Helper()
	return runJob(b.t.Context(), b.job, b.timing)
}

// log is the log of a step.
func (b *bench) log(id string) string {
	b.sink.mu.Lock()
	defer b.sink.mu.Unlock()
	if b.sink.logs[id] == nil {
		return ""
	}
	return b.sink.logs[id].String()
}

// output is the log of a step without what the runner says about it.
func (b *bench) output(id string) string {
	log := b.log(id)
	if _, after, ok := strings.Cut(log, "##[endgroup]\n"); ok {
		return after
	}
	if at := strings.Index(log, "##[error]"); at >= 0 { // before anything ran
		return log[at:]
	}
	return log
}

// action adds files of an action to the source.
func (b *bench) action(path string, files map[string]string) {
	b.t.Helper()
	writeFiles(b.t, filepath.Join(b.actions.dir, path), files)
}

// workspace adds files to the workspace before the job.
func (b *bench) workspace(files map[string]string) {
	b.t.Helper()
	writeFiles(b.t, filepath.Join(b.job.WorkDir, "hello", "hello"), files)
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), fs.FileMode(0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// script is a run step.
func script(text string, more ...func(*wire.Step)) wire.Step {
	s := wire.Step{
		Type: wire.ActionStep, Condition: "success()", Reference: wire.Reference{Type: wire.RefScript},
		Inputs: wire.Mapping(wire.Pair(wire.InputScript, wire.String(text))),
	}
	for _, f := range more {
		f(&s)
	}
	return s
}

// uses is a step with an action: owner/repo[/path]@ref or ./path.
func uses(action string, more ...func(*wire.Step)) wire.Step {
	s := wire.Step{Type: wire.ActionStep, Condition: "success()"}
	if strings.HasPrefix(action, "./") {
		s.Reference = wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoSelf, Path: action}
	} else {
		name, ref, _ := strings.Cut(action, "@")
		parts := strings.SplitN(name, "/", 3)
		s.Reference = wire.Reference{Type: wire.RefRepository, RepositoryType: wire.RepoGitHub, Name: parts[0] + "/" + parts[1], Ref: ref}
		if len(parts) == 3 {
			s.Reference.Path = parts[2]
		}
	}
	for _, f := range more {
		f(&s)
	}
	return s
}

func id(name string) func(*wire.Step)   { return func(s *wire.Step) { s.ContextName = name } }
func when(cond string) func(*wire.Step) { return func(s *wire.Step) { s.Condition = cond } }

func input(name, value string) func(*wire.Step) {
	return func(s *wire.Step) { s.Inputs = with(s.Inputs, name, wire.String(value)) }
}

func env(name string, value *wire.Token) func(*wire.Step) {
	return func(s *wire.Step) { s.Environment = with(s.Environment, name, value) }
}

func with(m *wire.Token, name string, value *wire.Token) *wire.Token {
	if m == nil {
		m = wire.Mapping()
	}
	m.Map = append(m.Map, wire.Pair(name, value))
	return m
}

// conclusions are those of all steps by name.
func conclusions(res *Result) string {
	var b strings.Builder
	for _, s := range res.Steps {
		fmt.Fprintf(&b, "%d %s: %s\n", s.Number, s.Name, s.Conclusion)
	}
	return b.String()
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func contains(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s: no %q in\n%s", what, w, got)
		}
	}
}
