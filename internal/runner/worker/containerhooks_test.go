package worker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// hooked gives the job container hooks, in place of an engine.
func (b *bench) hooked(file string) {
	b.t.Helper()
	e := containertest.Need(b.t)
	var env []string
	for _, entry := range e.Env {
		if name, _, _ := strings.Cut(entry, "="); name == "PATH" || name == "HOME" || strings.HasPrefix(name, "DOCKER_") || strings.HasPrefix(name, "CONTAINERS_") {
			env = append(env, entry)
		}
	}
	b.job.Host = host.NewLocal(append(env, "CONTAINER_ENGINE="+e.Program, "ACTIONS_RUNNER_CONTAINER_HOOKS="+file), host.NewTrackingID())
	b.t.Cleanup(func() {
		for _, kind := range []string{"ps --all", "network ls"} {
			if left := e.OutputLate(b.t, append(strings.Fields(kind), "--quiet", "--filter", "label=hooks-of-a-test")...); left != "" {
				b.t.Errorf("the hooks have left %s: %s", kind, left)
			}
		}
	})
}

func TestContainerHooksRunAJob(t *testing.T) {
	needNode(t)
	file, err := filepath.Abs("testdata/hooks.js")
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(
		t,
		script("echo at $PWD $FROM $FROM_IMAGE; echo 'V<<E\na\nb\nE' >> $GITHUB_ENV; echo /own >> $GITHUB_PATH; echo ::add-mask::hidden-value; echo it is hidden-value"),
		script(`echo "$V"; echo $PATH`),
		uses("./js"),
		dockerStep(containertest.Image, input("args", "cat in-the-workspace")),
		uses("./act", id("act"), input("who", "world")),
		script("echo $ID $NET $MADE", env("ID", expression("job.container.id != ''")), env("NET", expression("job.container.network == job.services.web.network")), env("MADE", expression("steps.act.outputs.made"))),
		script("exit 3"),
	)
	b.workspace(map[string]string{
		"js/action.yml":    "name: x\ndescription: x\nruns: {using: node20, main: main.js}",
		"js/main.js":       "console.log(process.execPath, __filename)",
		"act/action.yml":   "name: x\ndescription: x\ninputs: {who: {description: x}}\nruns: {using: docker, image: Dockerfile}",
		"act/Dockerfile":   "FROM " + containertest.Image + "\nENTRYPOINT [\"/bin/sh\", \"-c\", \"echo built $INPUT_WHO; echo made=yes >> $GITHUB_OUTPUT\"]\n",
		"in-the-workspace": "inner\n",
	})
	b.job.Message.JobContainer = image(wire.Pair("env", wire.Mapping(wire.Pair("FROM", wire.String("workflow")))))
	b.job.Message.JobServiceContainers = wire.Mapping(wire.Pair("web", image(
		wire.Pair("entrypoint", wire.String("/bin/sleep")), wire.Pair("command", wire.String("1000")), wire.Pair("ports", list("8080")),
	)))
	b.hooked(file)
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "first", b.log("s1"), "shell: sh -e {0}\n", "##[group]Run '"+file+"'\nshell: ", "at /__w/hello/hello workflow yes\n", "it is ***\n")
	contains(t, "second", b.log("s2"), "a\nb\n/own:/bin\n")
	contains(t, "action", b.log("s3"), "/__e/node20/bin/node /__w/hello/hello/js/main.js\n")
	contains(t, "docker step", b.log("s4"), "inner\n")
	contains(t, "docker action", b.log("s5"), "built world\n")
	contains(t, "contexts", b.log("s6"), "true true yes\n")
	contains(t, "failed", b.log("s7"), "##[error]run_script_step: exit code 3\n##[error]Process completed with exit code 1.\n"+
		"##[error]Executing the custom container implementation failed. Please contact your self hosted runner administrator.\n")
	contains(t, "stop", b.own(res, "Stop containers"), "ran 2 container steps\n")
}

func TestContainerHooksThatFailSayWhatTheyLack(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct{ script, says string }{
		"exits":   {"exit 7", "##[error]Process completed with exit code 7.\n##[error]Executing the custom container implementation failed."},
		"silent":  {"cat >/dev/null", "##[error]The response file of the command 'prepare_job' is empty.\n"},
		"alpine":  {`f=$(sed 's/.*responseFile":"\([^"]*\)".*/\1/'); echo '{"state":{},"context":{"container":{"id":"x"}}}' >"$f"`, "##[error]The property 'isAlpine' is required but was not found in the response file.\n"},
		"no json": {`f=$(sed 's/.*responseFile":"\([^"]*\)".*/\1/'); echo '{' >"$f"`, "##[error]The response file is not what it should be: "},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name+".sh")
			if err := os.WriteFile(file, []byte(test.script+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			b := newBench(t, script("echo never"))
			b.job.Message.JobContainer = image()
			b.job.Host = host.NewLocal([]string{"PATH=" + os.Getenv("PATH"), "ACTIONS_RUNNER_CONTAINER_HOOKS=" + file}, host.NewTrackingID())
			res := b.run()
			equal(t, "conclusion", res.Conclusion, wire.Failed)
			contains(t, "log", b.own(res, "Initialize containers"), test.says)
		})
	}
}

func TestAJobWithoutAContainerIsRefusedWhereTheRunnerWantsOne(t *testing.T) {
	b := newBench(t, script("echo never"))
	b.job.Host = host.NewLocal([]string{"PATH=" + os.Getenv("PATH"), "ACTIONS_RUNNER_REQUIRE_JOB_CONTAINER=true"}, host.NewTrackingID())
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.own(res, "Set up job"), "##[error]Jobs without a job container are forbidden on this runner, please add a 'container:' to your job")
}
