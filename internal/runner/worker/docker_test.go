package worker

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container"
	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// engine gives the job a real engine. What the job leaves is an error of the test.
func (b *bench) engine(allowed ...string) containertest.Engine {
	b.t.Helper()
	e := containertest.Need(b.t)
	policy, err := container.ParsePolicy(allowed)
	if err != nil {
		b.t.Fatal(err)
	}
	scratch := b.t.TempDir()
	tracking := host.NewTrackingID()
	d := container.New(container.Config{
		Program: e.Program, Env: e.Env, Runner: container.RunnerLabel(b.job.WorkDir), Job: tracking, Policy: policy,
		Places: []container.Place{{Seen: b.job.ToolDir, Real: b.job.ToolDir}, {Seen: b.job.WorkDir, Real: b.job.WorkDir}},
		Work:   b.job.WorkDir, Temp: b.job.TempDir, Tools: b.job.ToolDir, Nodes: container.FindNodes(e.Env, "", ""), Scratch: scratch, Log: b.job.Log,
	})
	b.job.Engine = d
	b.timing.minute = b.timing.minute / 20
	b.t.Cleanup(func() {
		if err := d.Close(context.WithoutCancel(b.t.Context())); err != nil {
			b.t.Error(err)
		}
		for _, kind := range [][]string{{"ps", "--all", "--quiet"}, {"network", "ls", "--quiet"}, {"volume", "ls", "--quiet"}, {"images", "--quiet"}} {
			cmd := append(kind, "--filter", "label=understudy.job="+tracking)
			if left := e.OutputLate(b.t, cmd...); left != "" {
				b.t.Errorf("left by the job: %v: %s", kind, left)
			}
		}
		if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
			b.t.Errorf("left in the scratch directory: %v, %v", left, err)
		}
	})
	return e
}

func dockerStep(image string, more ...func(*wire.Step)) wire.Step {
	s := wire.Step{Type: wire.ActionStep, Condition: "success()", Reference: wire.Reference{Type: wire.RefContainer, Image: image}}
	for _, f := range more {
		f(&s)
	}
	return s
}

func TestAStepRunsInAnImage(t *testing.T) {
	b := newBench(
		t, dockerStep(containertest.Image, id("first"), env("WHO", wire.String("me")), env("LINES", wire.String("one\ntwo")),
			input("entrypoint", "/bin/sh"), input("args", `-c "echo out=$WHO >> $GITHUB_OUTPUT; env; pwd; touch made; echo ::warning file=/github/workspace/a.txt::look; cat $GITHUB_EVENT_PATH"`)),
		script("echo $V; ls", env("V", expression("steps.first.outputs.out"))),
	)
	e := b.engine()
	res := b.run()
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 Pull "+containertest.Image+": succeeded\n3 Run "+containertest.Image+": succeeded\n"+
		"4 Run echo $V; ls: succeeded\n5 Complete job: succeeded\n")
	log := b.log("s1")
	contains(t, "log", log, "##[group]Run docker://"+containertest.Image+"\nwith:\n  entrypoint: /bin/sh\n", "##[command]"+e.Program+" run --rm --name ",
		"\nWHO=me\n", "LINES=one\ntwo\n", "GITHUB_WORKSPACE=/github/workspace\n", "GITHUB_OUTPUT=/github/file_commands/set_output_", "HOME=/github/home\n", "\n/github/workspace\n",
		"GITHUB_EVENT_PATH=/github/workflow/event.json\n", "RUNNER_TEMP=/github/runner_temp\n", `"after": "0123"`, "FROM_IMAGE=yes", "CI=true", "ACTIONS_RUNTIME_TOKEN=***")
	equal(t, "output", b.output("s2"), "me\nmade\n")
	if strings.Contains(log, "\nUSER=") || strings.Contains(log, "DOCKER_HOST=") {
		t.Errorf("the container has variables of the runner:\n%s", log)
	}
	if a := res.Steps[2].Annotations; len(a) != 1 || a[0].Path != "a.txt" {
		t.Errorf("annotations are %v", a)
	}
}

func TestADockerfileActionRuns(t *testing.T) {
	b := newBench(t, uses("octo/act@v1", id("act"), input("who", "world")), uses("./mine"), script("echo $V", env("V", expression("steps.act.outputs.greeting"))))
	files := map[string]string{
		"action.yml": "name: x\ndescription: x\ninputs: {who: {description: x}, more: {description: x, default: a b}}\n" +
			"runs: {using: docker, image: Dockerfile, args: ['${{ inputs.who }}', 'two words', ''], env: {FROM_ACTION: '${{ inputs.more }}', INPUT_WHO: no}, pre-entrypoint: /pre.sh, post-entrypoint: /post.sh}",
		"Dockerfile": "FROM " + containertest.Image + "\nCOPY *.sh /\nENTRYPOINT [\"/bin/sh\", \"/main.sh\"]\n",
		"main.sh":    "echo \"$# <$1> <$2> <$3> $FROM_ACTION $INPUT_WHO\"\necho greeting=hello $1 >> $GITHUB_OUTPUT\necho key=kept >> $GITHUB_STATE\n",
		"pre.sh":     "#!/bin/sh\necho before\n",
		"post.sh":    "#!/bin/sh\necho after $STATE_key; exit 3\n",
	}
	b.action("octo/act/v1", files)
	b.workspace(map[string]string{"mine/Dockerfile": "FROM " + containertest.Image + "\nENTRYPOINT [\"/bin/sh\", \"-c\", \"echo own; exit 7\"]\n"})
	for _, name := range []string{"pre.sh", "post.sh"} {
		if err := os.Chmod(filepath.Join(b.actions.dir, "octo/act/v1", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.engine()
	res := b.run()
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 Build octo/act@v1: succeeded\n3 Pre Run octo/act@v1: succeeded\n4 Run octo/act@v1: succeeded\n"+
		"5 Run ./mine: failed\n6 Run echo $V: skipped\n12 Post Run octo/act@v1: failed\n13 Complete job: succeeded\n")
	contains(t, "log", b.log("s1"), "3 <world> <two words> <> a b world\n")
	contains(t, "log", b.log("s2"), "##[group]Building docker image\nDockerfile for action: '", "own\n")
	for _, s := range res.Steps {
		switch s.Name {
		case "Pre Run octo/act@v1":
			contains(t, "pre", b.log(s.ExternalID), "before\n")
		case "Post Run octo/act@v1":
			contains(t, "post", b.log(s.ExternalID), "after kept\n")
		}
	}
}

// commandLines are those of all processes that have a text in them.
func commandLines(text string) []string {
	var found []string
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && strings.Contains(string(line), text) {
			found = append(found, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}
