package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// hooks gives the job a hook before and after it: name and text of each script.
func (b *bench) hooks(before, after [2]string) (files [2]string) {
	b.t.Helper()
	env := b.job.Host.Env()
	for i, h := range [][2]string{before, after} {
		files[i] = filepath.Join(b.t.TempDir(), h[0])
		if h[1] != "" {
			if err := os.WriteFile(files[i], []byte(h[1]), 0o600); err != nil {
				b.t.Fatal(err)
			}
		}
		env = append(env, []hook{jobStarted(), jobCompleted()}[i].variable+"="+files[i])
	}
	b.job.Host = host.NewLocal(env, host.NewTrackingID())
	return files
}

// named are the steps of a job as NAME=CONCLUSION, in their order.
func named(res *Result) string {
	var all []string
	for _, s := range res.Steps {
		all = append(all, s.Name+"="+s.Conclusion)
	}
	return strings.Join(all, ", ")
}

func (b *bench) logOf(res *Result, name string) string {
	b.t.Helper()
	for _, s := range res.Steps {
		if s.Name == name {
			return b.log(s.ExternalID)
		}
	}
	b.t.Fatalf("no step %q in %s", name, named(res))
	return ""
}

func TestHooksRunBeforeAndAfterTheStepsOfAJob(t *testing.T) {
	needNode(t)
	b := newBench(t, script("echo step $FROM_HOOK; exit 3", env("TOP", wire.String("x"))))
	b.job.Message.EnvironmentVariables = []*wire.Token{wire.Mapping(wire.Pair("TOP", wire.String("workflow")))}
	files := b.hooks(
		[2]string{"started.sh", "echo FROM_HOOK=hook >>$GITHUB_ENV; echo hook [$TOP] $GITHUB_REPOSITORY $PWD"},
		[2]string{"completed.js", "console.log('after', process.env.GITHUB_JOB, process.env.FROM_HOOK)"},
	)
	res := b.run()
	equal(t, "steps", named(res), "Set up job=succeeded, Set up runner=succeeded, Run echo step $FROM_HOOK; exit 3=failed, Complete runner=succeeded, Complete job=succeeded")
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	log := b.logOf(res, "Set up runner")
	contains(t, "started", log,
		"A job started hook has been configured by the self-hosted runner administrator\n##[group]Run '"+files[0]+"'\nshell: ",
		"bash --noprofile --norc -e -o pipefail {0}\n##[endgroup]\n", "hook [] octo/hello "+filepath.Join(b.job.WorkDir, "hello", "hello")+"\n",
	)
	contains(t, "step", b.log("s1"), "step hook\n")
	contains(t, "completed", b.logOf(res, "Complete runner"), "after build ")
}

func TestAHookThatFailsFailsTheJob(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
	}{
		{"fails.sh", "exit 7", "##[error]Process completed with exit code 7.\n"},
		{"missing.sh", "", "##[error]File doesn't exist\n"},
		{"program", "exit 0", "program is not a valid path to a script. Make sure it ends in '.sh', '.ps1' or '.js'.\n"},
	} {
		b := newBench(t, script("echo not"), script("echo always", when("always()")))
		b.hooks([2]string{tt.name, tt.text}, [2]string{"completed.sh", "true"})
		res := b.run()
		equal(t, tt.name, named(res), "Set up job=succeeded, Set up runner=failed, Run echo not=skipped, Run echo always=succeeded, Complete runner=succeeded, Complete job=succeeded")
		equal(t, tt.name, res.Conclusion, wire.Failed)
		contains(t, tt.name, b.logOf(res, "Set up runner"), tt.want)
	}
}
