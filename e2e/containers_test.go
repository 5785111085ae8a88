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
      - run: "ls left; echo made ${{ steps.act.outputs.made }}; echo port ${{ job.services.web.ports['8080'] > 0 }}"
`

// The job's processes have no engine in their sandbox: the runner outside of it runs containers.
func TestJobsHaveContainersInEachIsolation(t *testing.T) {
	t.Parallel()
	e := containertest.Need(t)
	for _, isolation := range []string{"none", "user"} {
		t.Run(isolation, func(t *testing.T) {
			t.Parallel()
			if isolation == "user" {
				needSandbox(t)
			}
			s := containersOf(t, e)
			s.isolate(isolation)
			s.start()
			r := s.newRepository("hello")
			log := r.log(r.conclude(r.pushWorkflow(strings.ReplaceAll(containerWorkflow, "IMAGE", containertest.Image)), "success"))
			for _, want := range []string{"at /__w/hello/hello workflow /github/home", "built world", "left", "made yes", "port true", "web service is healthy."} {
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
