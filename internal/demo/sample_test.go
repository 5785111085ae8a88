package demo

import (
	"fmt"
	"io/fs"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/workflow"
)

func TestSampleWorkflowIsValid(t *testing.T) {
	const path = ".github/workflows/ci.yml"
	src, err := fs.ReadFile(files, "sample/"+path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := workflow.Parse(path, src)
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string][]string{}
	for _, j := range w.Jobs {
		needs[j.ID] = j.Needs
	}
	want := map[string][]string{"build": nil, "test": {"build"}, "report": {"build", "test"}}
	if diff := cmp.Diff(want, needs); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}

func TestSampleBuildsTheSameBytesTwiceAndPassesItsTests(t *testing.T) {
	c, err := newClone(t.Context(), cleanEnv(), t.TempDir(), "sample", "http://127.0.0.1:1/octo/hello.git", user, "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	var digests []string
	for range 2 {
		if err := inClone(c, "bash", "build.sh", "en"); err != nil {
			t.Fatal(err)
		}
		digest, err := c.git(t.Context(), "hash-object", "dist/hello-en")
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("two builds: %v", digests)
	}
	if err := inClone(c, "bash", "-c", "bash build.sh de && bash build.sh fr && bash test/run.sh dist"); err != nil {
		t.Error(err)
	}
	if out, err := c.git(t.Context(), "status", "--short"); err != nil || out != "" {
		t.Errorf("the build changed files that are committed: %s, %v", out, err)
	}
}

func TestSampleTestsFindAMistake(t *testing.T) {
	c, err := newClone(t.Context(), cleanEnv(), t.TempDir(), "sample", "http://127.0.0.1:1/octo/hello.git", user, "/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	// Every fourth year has a leap day, thought Caesar.
	const mistake = `sed -i.orig 's/&& ($1 % 100 != 0 || $1 % 400 == 0)//' src/calendar.sh && ! cmp -s src/calendar.sh src/calendar.sh.orig`
	if err := inClone(c, "bash", "-c", mistake); err != nil {
		t.Fatal(err)
	}
	const test = "for l in en de fr; do bash build.sh $l; done; bash test/run.sh dist"
	err = inClone(c, "bash", "-c", test)
	if err == nil {
		t.Error("the tests pass")
	}
}

// inClone runs a program in the working directory of a clone.
func inClone(c *clone, name string, args ...string) error {
	cmd := exec.Command(name, args...) //nolint:noctx // it ends by itself
	cmd.Dir, cmd.Env = c.dir, c.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %q: %w\n%s", name, args, err, out)
	}
	return nil
}
