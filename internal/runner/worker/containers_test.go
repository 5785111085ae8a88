package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// own is the record of a step of the runner's own.
func (b *bench) own(res *Result, name string) string {
	b.t.Helper()
	for _, s := range res.Steps {
		if s.Name == name {
			return b.log(s.ExternalID)
		}
	}
	b.t.Errorf("no step %s in\n%s", name, conclusions(res))
	return ""
}

func list(texts ...string) *wire.Token {
	t := &wire.Token{Type: wire.SequenceToken}
	for _, text := range texts {
		t.Seq = append(t.Seq, wire.String(text))
	}
	return t
}

// image is a container with the image of the tests.
func image(more ...wire.TokenPair) *wire.Token {
	return wire.Mapping(append([]wire.TokenPair{wire.Pair("image", wire.String(containertest.Image))}, more...)...)
}

func TestAJobRunsInItsContainerBesideItsServices(t *testing.T) {
	needNode(t)
	b := newBench(
		t,
		script("echo $GITHUB_WORKSPACE $HOME $FROM $FROM_IMAGE $PATH; pwd; echo 'V<<E\na\nb\nE' >> $GITHUB_ENV; echo /own >> $GITHUB_PATH; hostname > here; cat $GITHUB_EVENT_PATH | head -n 1"),
		script(`echo "$V"; echo $PATH; cat here /data/x 2>&1 || exit 5`, input(wire.InputWorkingDirectory, "."), func(s *wire.Step) { s.ContinueOnError = wire.Boolean(true) }),
		uses("./js"),
		dockerStep(containertest.Image, input("args", "cat here")),
		script("echo $ID $PORT $NET", env("ID", expression("job.container.id")), env("PORT", expression("job.services.web.ports['8080'] > 0")), env("NET", expression("job.container.network == job.services.web.network"))),
	)
	b.workspace(map[string]string{
		"js/action.yml": "name: x\ndescription: x\nruns: {using: node20, main: main.js}",
		"js/main.js":    "require('http').get('http://web:8080/', r => r.on('data', d => console.log(process.execPath, __filename, String(d))))",
	})
	b.job.Message.JobContainer = image(
		wire.Pair("env", wire.Mapping(wire.Pair("FROM", wire.String("workflow")))), wire.Pair("volumes", list("cache:/data")), wire.Pair("options", wire.String("--hostname inner --cpus 1")),
	)
	b.job.Message.JobServiceContainers = wire.Mapping(wire.Pair("web", image(
		wire.Pair("entrypoint", wire.String("/bin/sh")), wire.Pair("command", wire.String(`-c "mkdir /www; echo hi > /www/index.html; echo serving; httpd -f -p 8080 -h /www"`)),
		wire.Pair("ports", list("8080")), wire.Pair("options", wire.String(`--health-cmd "test -e /www/index.html" --health-interval=1s`)),
	)))
	b.engine()
	res := b.run()
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 Pull "+containertest.Image+": succeeded\n3 Initialize containers: succeeded\n"+
		"4 Run echo $GITHUB_WORKSPACE $HOME $FROM $FROM_IMAGE $PATH; pwd; echo 'V<<E: succeeded\n5 Run echo \"$V\"; echo $PATH; cat here /data/x 2>&1 || exit 5: succeeded\n"+
		"6 Run ./js: succeeded\n7 Run "+containertest.Image+": succeeded\n8 Run echo $ID $PORT $NET: succeeded\n16 Stop containers: succeeded\n17 Complete job: succeeded\n")
	contains(t, "first", b.log("s1"), "shell: sh -e {0}\n")
	equal(t, "first", b.output("s1"), "/__w/hello/hello /github/home workflow yes /bin\n/__w/hello/hello\n{\n")
	equal(t, "second", b.output("s2"), "a\nb\n/own:/bin\ninner\ncat: can't open '/data/x': No such file or directory\n##[error]Process completed with exit code 5.\n")
	equal(t, "action", b.output("s3"), "/__e/node20/bin/node /__w/hello/hello/js/main.js hi\n\n")
	contains(t, "docker step", b.log("s4"), "\ninner\n", "--network github_network_")
	if words := strings.Fields(b.output("s5")); len(words) != 3 || len(words[0]) != 64 || words[1] != "true" || words[2] != "true" {
		t.Errorf("the context job has %v", words)
	}
	contains(t, "initialize", b.own(res, "Initialize containers"), "##[group]Checking docker version\n##[command]", "Docker daemon API version: 1.", "##[group]Clean up resources from previous jobs\n",
		"##[group]Create local container network\n##[command]", "##[group]Starting job container\n", "##[group]Starting web service container\n", "##[group]Waiting for all services to be ready\n", "web service is healthy.\n")
	contains(t, "stop", b.own(res, "Stop containers"), "Print service container logs: web_", "serving\n", "Stop and remove container: ", "Remove container network: github_network_")
}

func TestSecretsAreNotInTheArgumentsOfTheEngine(t *testing.T) {
	b := newBench(t, script("sleep 100 & cat; echo ready; wait", env("KEY", expression("secrets.PASSWORD")), env("PEM", expression("format('{0}\n-{0}', secrets.PASSWORD)"))))
	b.job.Message.JobContainer = image()
	b.engine()
	go func() {
		b.sink.await(t, "s1", "\nready\n")
		if found := commandLines("hunter2hunter2"); len(found) > 0 {
			t.Errorf("a secret is in %q", found)
		}
		b.signals <- Cancel
	}()
	equal(t, "conclusion", b.run().Conclusion, wire.Canceled)
}

func TestAContainerThatIgnoresSignalsIsKilled(t *testing.T) {
	for name, step := range map[string]wire.Step{
		"job":    script("trap '' INT TERM; echo ready; sleep 1000 & sleep 1000; sleep 1000"),
		"action": dockerStep(containertest.Image, input("entrypoint", "/bin/sh"), input("args", `-c "trap '' INT TERM; echo ready; sleep 1000; sleep 1000"`)),
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, step, script("echo after; ps", when("always()")))
			if name == "job" {
				b.job.Message.JobContainer = image()
			}
			b.timing.grace.Interrupt, b.timing.grace.Terminate = 100*time.Millisecond, 100*time.Millisecond
			b.engine()
			go func() {
				b.sink.await(t, "s1", "\nready\n")
				b.signals <- Cancel
			}()
			res := b.run()
			equal(t, "conclusion", res.Conclusion, wire.Canceled)
			contains(t, "next step", b.output("s2"), "after\n")
			if name == "job" && strings.Contains(b.output("s2"), "sleep 1000") { // one that has ended may wait for its parent
				t.Errorf("processes of the step are left:\n%s", b.output("s2"))
			}
		})
	}
}

func TestAProcessInAContainerIsInterrupted(t *testing.T) {
	b := newBench(t, script("trap 'echo told; exit 9' INT; echo ready; while :; do sleep 0.1; done"))
	b.job.Message.JobContainer = image()
	b.engine()
	go func() {
		b.sink.await(t, "s1", "\nready\n")
		b.signals <- Cancel
	}()
	b.run()
	contains(t, "log", b.log("s1"), "told\n")
}

func TestAServiceThatNeverGetsHealthyFailsTheJob(t *testing.T) {
	b := newBench(t, script("echo hi"))
	b.job.Message.JobServiceContainers = wire.Mapping(wire.Pair("db", image(
		wire.Pair("entrypoint", wire.String("/bin/sh")), wire.Pair("command", wire.String(`-c "echo it is broken; sleep 1000"`)),
		wire.Pair("options", wire.String(`--health-cmd false --health-interval 1s --health-retries 1`)),
	)))
	b.engine()
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Failed)
	contains(t, "log", b.own(res, "Initialize containers"), "db service is unhealthy.\n", "##[group]Service container db failed.\n", "it is broken\n",
		"##[error]Failed to initialize container "+containertest.Image+"\n", "##[error]One or more containers failed to start.\n")
	equal(t, "next", res.Steps[2].Conclusion, wire.Skipped)
}

func TestContainersHaveWhatThePolicyAllows(t *testing.T) {
	for _, test := range []struct {
		name   string
		image  string
		more   []wire.TokenPair
		refuse string
	}{
		{"privileged", "", []wire.TokenPair{wire.Pair("options", wire.String("--privileged"))}, "The option '--privileged' is not allowed on this runner. Its operator may allow it: --container-policy privileged."},
		{"image", "--privileged", nil, "'--privileged' is not the name of an image."},
		{"mount", "", []wire.TokenPair{wire.Pair("volumes", list("/etc:/host"))}, "The option 'volumes: /etc:/host' is not allowed on this runner. Its operator may allow it: --container-policy mounts."},
		{"port", "", []wire.TokenPair{wire.Pair("ports", list("80 --privileged"))}, "'80 --privileged' is not a port of a container."},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, script("echo hi"))
			c := image(test.more...)
			if test.image != "" {
				c = wire.String(test.image)
			}
			b.job.Message.JobContainer = c
			b.engine()
			res := b.run()
			equal(t, "conclusion", res.Conclusion, wire.Failed)
			contains(t, "log", b.own(res, "Initialize containers"), "##[error]"+test.refuse)
		})
	}
}
