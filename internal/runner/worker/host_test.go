package worker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A movedHost shows its processes the files below one directory of this machine
// at another path, as a container does.
type movedHost struct {
	*host.Local
	from, to string
	dirs     []string // in which processes were started
}

func (m *movedHost) Run(ctx context.Context, p host.Process) (int, error) {
	m.dirs = append(m.dirs, p.Dir)
	return m.Local.Run(ctx, p)
}

func (m *movedHost) Inside(file string) string {
	if rest, ok := strings.CutPrefix(file, m.from); ok && (rest == "" || rest[0] == '/') {
		return m.to + rest
	}
	return file
}

// moved makes the job run on a movedHost.
func (b *bench) moved() *movedHost {
	b.t.Helper()
	to := filepath.Join(b.t.TempDir(), "__w")
	if err := os.Symlink(b.job.WorkDir, to); err != nil {
		b.t.Fatal(err)
	}
	h := &movedHost{Local: host.NewLocal(b.job.Host.Env(), host.NewTrackingID()), from: b.job.WorkDir, to: to}
	b.job.Host = h
	return h
}

func TestProcessesSeeThePathsOfTheirHost(t *testing.T) {
	b := newBench(t,
		script("echo $0; echo $GITHUB_WORKSPACE; echo $RUNNER_TEMP; echo $RUNNER_WORKSPACE; cat $GITHUB_EVENT_PATH | head -1"),
		script("echo val=1 >> $GITHUB_OUTPUT; echo $GITHUB_OUTPUT", input(wire.InputWorkingDirectory, "sub"), id("second")),
		script("echo $V; echo ::warning file=$GITHUB_WORKSPACE/sub/x::look", env("V", expression("steps.second.outputs.val"))),
	)
	b.workspace(map[string]string{"sub/x": ""})
	h := b.moved()
	work := h.to
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	first := strings.Split(b.output("s1"), "\n")
	if dir, _ := filepath.Split(first[0]); dir != work+"/_temp/" {
		t.Errorf("the script is %s, want it below %s", first[0], work)
	}
	equal(t, "paths", strings.Join(first[1:], " "), strings.Join([]string{
		work + "/hello/hello", work + "/_temp", work + "/hello", "{", "",
	}, " "))
	equal(t, "working directories", strings.Join(h.dirs, " "), work+"/hello/hello "+work+"/hello/hello/sub "+work+"/hello/hello")
	contains(t, "command file", b.output("s2"), work+"/_temp/_runner_file_commands/")
	contains(t, "output", b.output("s3"), "1\n")
	if a := res.Steps[3].Annotations; len(a) != 1 || a[0].Path != "sub/x" {
		t.Errorf("annotations are %v", a)
	}
}

func TestActionsSeeThePathsOfTheirHost(t *testing.T) {
	needNode(t)
	b := newBench(t, uses("octo/act@v1"))
	b.action("octo/act/v1", map[string]string{
		"action.yml": "name: x\ndescription: x\nruns: {using: node20, main: main.js}",
		"main.js":    "console.log(process.env.GITHUB_WORKSPACE)",
	})
	h := b.moved()
	b.run()
	contains(t, "output", b.output("s1"), h.to+"/hello/hello\n")
	equal(t, "working directories", strings.Join(h.dirs, " "), h.to+"/hello/hello")
}
