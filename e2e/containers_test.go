package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/runner/container/containertest"
)

const containerWorkflow = `on: push
jobs:
  inside:
    runs-on: ubuntu-latest
    container: {image: "IMAGE", env: {FROM: workflow}}
    services:
      web: {image: "IMAGE", entrypoint: /bin/sh, command: '-c "echo serving; sleep 1000"', ports: [8080], options: '--health-cmd true --health-interval 1s'}
    steps:
      - run: |
          echo "at $PWD $FROM $HOME"
          mkdir act
          printf 'FROM IMAGE\nENTRYPOINT ["/bin/sh", "-c", "echo built $INPUT_WHO; echo made=yes >> $GITHUB_OUTPUT; touch /github/workspace/left"]\n' > act/Dockerfile
          printf 'name: x\ndescription: x\ninputs: {who: {description: x}}\nruns: {using: docker, image: Dockerfile}\n' > act/action.yml
      - {uses: ./act, id: act, with: {who: world}}
      - run: "busybox nslookup web | grep -c ^Name: | sed 's/^[1-9].*/found by its name/'"
      - run: "ls left; echo made ${{ steps.act.outputs.made }}; echo port ${{ job.services.web.ports['8080'] > 0 }}"
`

// The job's processes have no engine in their sandbox: the runner outside of it runs containers. scripts/with-podman has
// the same of podman.
func TestJobsHaveContainersInEachIsolation(t *testing.T) {
	t.Parallel()
	e := containertest.Need(t)
	for _, isolation := range []string{"none", "user", "container=" + containertest.Image} {
		name, _, _ := strings.Cut(isolation, "=")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if isolation == "user" {
				needSandbox(t)
			}
			s := containersOf(t, e)
			s.isolate(isolation)
			s.start()
			r := s.newRepository("hello")
			log := r.log(r.conclude(r.pushWorkflow(strings.ReplaceAll(containerWorkflow, "IMAGE", containertest.Image)), "success"))
			for _, want := range []string{"at /__w/hello/hello workflow /github/home", "built world", "left", "made yes", "port true", "web service is healthy.", "found by its name"} {
				if !slices.Contains(log, want) {
					t.Errorf("the log does not say %q:\n%s", want, strings.Join(log, "\n"))
				}
			}
			privileged := "on: push\njobs:\n  j:\n    runs-on: ubuntu-latest\n    container: {image: '" + containertest.Image + "', options: --privileged}\n    steps: [{run: echo hi}]\n"
			log = r.log(r.conclude(r.pushWorkflow(privileged), "failure"))
			if want := "##[error]The option '--privileged' is not allowed on this runner. Its operator may allow it: --container-policy privileged."; !slices.Contains(log, want) {
				t.Errorf("the log does not say %q:\n%s", want, strings.Join(log, "\n"))
			}
		})
	}
}

// A job without `container` sees its own, in every step and action, and nothing of this machine but its network.
func TestAJobInAContainerOfItsOwnSeesNothingOfTheServer(t *testing.T) {
	t.Parallel()
	needNode(t)
	e := containertest.Need(t)
	s := containersOf(t, e, "--job-processes", "500", "--job-memory", "1GiB", "--runner-env", "MARK=of-the-operator")
	s.isolate("container=" + containertest.Image)
	s.start()
	if out := string(read(t, s.outFile)); !strings.Contains(out, "bundled runners: 1, isolation container="+containertest.Image+", each job with at most 1 GiB of memory, 500 processes") {
		t.Errorf("the start says:\n%s", out)
	}
	r := s.newRepository("hello")
	one := r.pushWorkflow(strings.NewReplacer("THE-IMAGE", containertest.Image, "DATA", s.data).Replace(`on: push
jobs:
  only:
    runs-on: ubuntu-latest
    outputs: {out: '${{ steps.set.outputs.out }}'}
    services:
      web: {image: "THE-IMAGE", entrypoint: /bin/sh, command: '-c "echo yes >/tmp/index.html; httpd -f -p 8080 -h /tmp"', ports: [8080], options: '--health-cmd true --health-interval 1s'}
    steps:
      - id: set
        run: |
          echo "at $PWD $HOME $RUNNER_TEMP $FROM_IMAGE $MARK $(id -u) $(cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null)"
          cat DATA/admin-token DATA/token.key 2>/dev/null && echo FOUND
          ls /var/run/docker.sock 2>/dev/null && echo FOUND
          ls -d /proc/[0-9]* | grep -c . | sed 's/^..*[0-9][0-9]$/FOUND/'
          echo cookie >/tmp/of-a-job; echo out=value >>$GITHUB_OUTPUT; echo A=b >>$GITHUB_ENV; echo "# summary" >>$GITHUB_STEP_SUMMARY
          sleep 1000 &
      - run: |
          test "$A" = b && mkdir js && echo 'console.log("node at", process.cwd(), process.env.INPUT_WHO)' >js/main.js && printf 'name: x\ndescription: x\ninputs: {who: {description: x}}\nruns: {using: node20, main: main.js}\n' >js/action.yml
      - {uses: ./js, with: {who: world}}
      - run: |
          wget -q -O - http://127.0.0.1:${{ job.services.web.ports['8080'] }}/index.html | sed 's/^/service says /'
      - uses: actions/upload-artifact@v4
        with: {name: files, path: js}
`))
	log := r.log(r.conclude(one, "success"))
	for _, want := range []string{
		"Isolation: 'container=" + containertest.Image + "'", "at /home/runner/work/hello/hello /home/runner /home/runner/work/_temp yes of-the-operator 0 500",
		"node at /home/runner/work/hello/hello world", "service says yes",
	} {
		if !slices.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, strings.Join(log, "\n"))
		}
	}
	if slices.Contains(log, "FOUND") {
		t.Errorf("the job has found something:\n%s", strings.Join(log, "\n"))
	}
	if all := r.artifacts(); len(all) != 1 {
		t.Errorf("artifacts: %+v", all)
	}
	r.conclude(r.pushWorkflow(workflow("ubuntu-latest", `[{run: 'test ! -e /tmp/of-a-job'}]`)), "success")
	if failed := r.log(r.conclude(r.pushWorkflow(workflow("ubuntu-latest", `[{run: 'kill -9 1; kill -9 $PPID; exit 3'}]`)), "failure")); len(failed) == 0 {
		t.Error("no log")
	}
	r.conclude(r.pushWorkflow(workflow("ubuntu-latest", `[{run: 'true'}]`)), "success")
}

func TestAContainerForJobsThatIsNotThereIsAnErrorThatHelps(t *testing.T) {
	t.Parallel()
	e := containertest.Need(t)
	env := append(environment(t), e.Env...)
	for image, want := range map[string]string{
		"127.0.0.1:1/no/such:1": "--isolation container does not work here: the image 127.0.0.1:1/no/such:1 is not on this machine and cannot be pulled. Name one that is, --isolation container=IMAGE",
		"--privileged":          "'--privileged' is not the name of an image.",
	} {
		code, out := execute(t, env, "runner", "--work", t.TempDir(), "--container-engine", e.Program, "--isolation", "container="+image)
		if code == 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit %d\n%s", image, code, out)
		}
	}
}
