package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tofuProgram names OpenTofu, and tofuProvider the program of integrations/github's
// provider, which must be the only one in its directory. Without them there is no test.
const (
	tofuProgram  = "UNDERSTUDY_TEST_TOFU"
	tofuProvider = "UNDERSTUDY_TEST_TOFU_PROVIDER"
)

// tofuDir has the configuration.
const tofuDir = "testdata/tofu"

// OpenTofu makes what it is told, sees then that nothing is left to be done, changes it, and
// removes it.
func TestOpenTofuManagesActions(t *testing.T) {
	t.Parallel()
	if os.Getenv(tofuProgram) == "" {
		t.Skipf("no OpenTofu: %s names it, and %s its provider", tofuProgram, tofuProvider)
	}
	s := startServer(t)
	for _, login := range []string{"acme", "guild"} {
		s.do(http.MethodPost, "/admin/organizations", map[string]string{"login": login, "admin": "admin"}, nil)
	}
	tofu := s.newTofu()
	for _, c := range []struct {
		second bool
		want   map[string]string
	}{
		{false, map[string]string{
			"repository":   "acme/app, private, actions",
			"branches":     "feature/next main",
			"workflow":     "echo first, Say hello",
			"environments": "production/eu west",
			"variables":    "ENVIRONMENT_VARIABLE=one REPOSITORY_VARIABLE=one VARIABLE_FOR_ALL=one VARIABLE_FOR_ONE=one VARIABLE_FOR_PRIVATE=one VARIABLE_FOR_SELECTED=one",
			"secrets":      "ENVIRONMENT_SECRET REPOSITORY_SECRET SECRET_FOR_ALL SECRET_FOR_ONE SECRET_FOR_PRIVATE SECRET_FOR_SELECTED",
			"subject":      "repo actor",
		}},
		{true, map[string]string{
			"repository":   "acme/service, public, actions self-hosted",
			"branches":     "feature/next main",
			"workflow":     "echo second, Say hello",
			"environments": "production/eu west",
			"variables":    "ENVIRONMENT_VARIABLE=another REPOSITORY_VARIABLE=another VARIABLE_FOR_ALL=another VARIABLE_FOR_ONE=one VARIABLE_FOR_PRIVATE=another VARIABLE_FOR_SELECTED=another",
			"secrets":      "ENVIRONMENT_SECRET REPOSITORY_SECRET SECRET_FOR_ALL SECRET_FOR_ONE SECRET_FOR_PRIVATE SECRET_FOR_SELECTED",
			"subject":      "repo ref",
		}},
	} {
		second := fmt.Sprintf("-var=second=%t", c.second)
		tofu.run("apply", "-auto-approve", second)
		tofu.run("plan", "-detailed-exitcode", second) // exit code 2 where something is left to be done
		if diff := cmp.Diff(c.want, tofu.outputs()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", second, diff)
		}
	}
	tofu.run("destroy", "-auto-approve", "-var=second=true")
	for _, path := range []string{"/orgs/acme/repos", "/orgs/acme/actions/secrets", "/orgs/acme/actions/variables"} {
		if left := string(s.read(path)); strings.Contains(left, `"name"`) {
			t.Errorf("left after all is destroyed: %s: %s", path, left)
		}
	}
	if left := string(s.read("/orgs/acme/actions/runner-groups")); strings.Contains(left, "builders") {
		t.Errorf("left after all is destroyed: %s", left)
	}
}

// A tofu runs OpenTofu on the configuration.
type tofu struct {
	t   *testing.T
	dir string
	env []string
}

func (s *server) newTofu() *tofu {
	s.t.Helper()
	provider, err := filepath.Abs(os.Getenv(tofuProvider))
	if err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	write(s.t, filepath.Join(dir, "main.tf"), string(read(s.t, filepath.Join(tofuDir, "main.tf"))))
	config := filepath.Join(dir, "tofurc")
	write(s.t, config, fmt.Sprintf("provider_installation {\n  dev_overrides { \"integrations/github\" = %q }\n}\n", filepath.Dir(provider)))
	var me struct{ ID int64 }
	s.do(http.MethodGet, "/user", nil, &me)
	return &tofu{s.t, dir, append(environment(s.t), "TF_CLI_CONFIG_FILE="+config, "TF_IN_AUTOMATION=1", "GITHUB_TOKEN="+s.token,
		"TF_VAR_base_url="+s.url, fmt.Sprintf("TF_VAR_reviewer=%d", me.ID))}
}

// run runs a command that must succeed, without questions.
func (o *tofu) run(command string, args ...string) []byte {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), os.Getenv(tofuProgram), append([]string{command, "-no-color"}, args...)...)
	cmd.Dir, cmd.Env = o.dir, o.env
	out, err := cmd.Output()
	if err != nil {
		o.t.Fatalf("tofu %s: %v\n%s%s", command, err, out, stderrOf(err))
	}
	return out
}

// outputs are what the configuration shows, by name.
func (o *tofu) outputs() map[string]string {
	o.t.Helper()
	var shown map[string]struct{ Value string }
	if err := json.Unmarshal(o.run("output", "-json"), &shown); err != nil {
		o.t.Fatal(err)
	}
	values := make(map[string]string, len(shown))
	for name, v := range shown {
		values[name] = v.Value
	}
	return values
}
