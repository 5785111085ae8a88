package builtin_test

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A workspace is what the steps of a job share.
type workspace struct {
	t       *testing.T
	set     *builtin.Set
	dir     string // GITHUB_WORKSPACE
	temp    string // RUNNER_TEMP
	env     map[string]string
	context map[string]string // values of the expressions that defaults of inputs have
}

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_NODE") != "" {
			t.Fatal(err)
		}
		t.Skipf("no node: %v", err)
	}
	set, err := builtin.New("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &workspace{t: t, set: set, dir: filepath.Join(root, "work"), temp: filepath.Join(root, "temp"), context: map[string]string{}}
	for _, dir := range []string{w.dir, w.temp, filepath.Join(root, "home")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	w.env = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": filepath.Join(root, "home"), "LANG": "C.UTF-8",
		"GITHUB_WORKSPACE": w.dir, "RUNNER_TEMP": w.temp, "RUNNER_OS": "Linux",
		"GITHUB_EVENT_NAME": "push", "GIT_CONFIG_NOSYSTEM": "1",
	}
	return w
}

// An actionStep is one use of an action: what main leaves behind is there for post.
type actionStep struct {
	*workspace
	action  *workflow.Action
	program string // node
	code    string // directory of action.yml
	inputs  map[string]string
	state   map[string]string
}

// A result is how a script of an action ended.
type result struct {
	exit    int
	log     string
	outputs map[string]string
}

// use unpacks the archive of an action, as a runner does. name is as after uses:.
func (w *workspace) use(name string, inputs ...string) *actionStep {
	w.t.Helper()
	parts := strings.SplitN(name, "/", 3)
	a, ok := w.set.Find(path.Join(parts[:2]...))
	if !ok {
		w.t.Fatalf("no action %s", name)
	}
	var b bytes.Buffer
	if err := a.WriteZip(&b, "top"); err != nil {
		w.t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		w.t.Fatal(err)
	}
	files, err := fs.Sub(archive, "top")
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(w.t.TempDir(), "action")
	if err := os.CopyFS(dir, files); err != nil {
		w.t.Fatal(err)
	}
	s := &actionStep{
		workspace: w, program: "node", code: filepath.Join(append([]string{dir}, parts[2:]...)...),
		inputs: map[string]string{}, state: map[string]string{},
	}
	text, err := os.ReadFile(filepath.Join(s.code, "action.yml"))
	if err != nil {
		w.t.Fatal(err)
	}
	if s.action, err = workflow.ParseAction("action.yml", text); err != nil {
		w.t.Fatal(err)
	}
	for _, in := range s.action.Inputs {
		if in.Default == nil {
			continue
		}
		s.inputs[in.Name] = in.Default.Str
		if in.Default.Kind == workflow.Expression {
			s.inputs[in.Name] = w.context[in.Default.Expr.String()]
		}
	}
	for i := 0; i+1 < len(inputs); i += 2 {
		s.inputs[inputs[i]] = inputs[i+1]
	}
	return s
}

// main runs the main script, which must succeed.
func (s *actionStep) main() *result {
	s.t.Helper()
	r := s.run(s.action.Runs.Main)
	if r.exit != 0 {
		s.t.Fatalf("exit %d\n%s", r.exit, r.log)
	}
	return r
}

// fails runs the main script, which must fail and say why.
func (s *actionStep) fails(why string) *result {
	s.t.Helper()
	r := s.run(s.action.Runs.Main)
	if r.exit == 0 || !strings.Contains(r.log, "::error::") || !strings.Contains(r.log, why) {
		s.t.Errorf("exit %d, want a failure that says %q:\n%s", r.exit, why, r.log)
	}
	return r
}

// post runs the script for the end of the job, which must succeed.
func (s *actionStep) post() *result {
	s.t.Helper()
	r := s.run(s.action.Runs.Post)
	if r.exit != 0 {
		s.t.Fatalf("exit %d\n%s", r.exit, r.log)
	}
	return r
}

func (s *actionStep) run(script string) *result {
	s.t.Helper()
	files := s.t.TempDir()
	env := maps.Clone(s.env)
	for name, value := range s.inputs {
		env["INPUT_"+strings.ToUpper(strings.ReplaceAll(name, " ", "_"))] = value
	}
	for name, value := range s.state {
		env["STATE_"+name] = value
	}
	for _, name := range []string{"GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_ENV"} {
		env[name] = filepath.Join(files, name)
		if err := os.WriteFile(env[name], nil, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(s.t.Context(), s.program, filepath.Join(s.code, script))
	cmd.Dir = s.dir
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	out, _ := cmd.CombinedOutput() // the state tells
	maps.Copy(s.state, s.values(env["GITHUB_STATE"]))
	return &result{cmd.ProcessState.ExitCode(), string(out), s.values(env["GITHUB_OUTPUT"])}
}

// values reads a file of names and values, all of them between delimiters.
func (s *actionStep) values(file string) map[string]string {
	s.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	values := map[string]string{}
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines)-1; i++ {
		name, end, ok := strings.Cut(lines[i], "<<")
		n := slices.Index(lines[i+1:], end)
		if !ok || n < 0 {
			s.t.Fatalf("unexpected line %q in\n%s", lines[i], text)
		}
		values[name] = strings.Join(lines[i+1:i+1+n], "\n")
		i += n + 1
	}
	return values
}
