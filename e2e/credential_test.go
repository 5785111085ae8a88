package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// A job, and everything else that runs as the same user, can read them.
func TestNoCredentialIsInTheArgumentsOrTheEnvironmentOfARunner(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	var jit struct {
		Encoded string `json:"encoded_jit_config"`
	}
	s.do("POST", r.api+"/actions/runners/generate-jitconfig", map[string]any{
		"name": "jit", "runner_group_id": 1, "labels": []string{"jit"},
	}, &jit)
	for _, c := range []struct {
		name, secret string
		env, args    []string
	}{
		{"token", r.registrationToken(r.api), nil, []string{"--token", "SECRET"}},
		{"joined", r.registrationToken(r.api), nil, []string{"--token=SECRET"}},
		{"variable", r.registrationToken(r.api), []string{"UNDERSTUDY_TOKEN=SECRET"}, nil},
		{"jit", jit.Encoded, nil, []string{"--jitconfig", "SECRET"}},
	} {
		dir := t.TempDir()
		work, log := filepath.Join(dir, "work"), filepath.Join(dir, "log")
		watchLogs(t, log)
		args := []string{"runner", "--work", work}
		if c.name != "jit" {
			args = append(args, "--url", s.url+"/"+r.name, "--name", c.name, "--labels", c.name)
		}
		env := environment(t)
		for _, v := range c.env {
			env = append(env, strings.ReplaceAll(v, "SECRET", c.secret))
		}
		for _, a := range c.args {
			args = append(args, strings.ReplaceAll(a, "SECRET", c.secret))
		}
		p := spawn(t, env, filepath.Join(dir, "out"), log, args...)
		h := r.hold(c.name)
		for _, file := range []string{"cmdline", "environ"} {
			if text := read(t, fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file)); strings.Contains(string(text), c.secret) {
				t.Errorf("%s: the credential is in %s", c.name, file)
			}
		}
		h.gate.open()
		if j := r.conclude(h.run, "success"); j.Runner != c.name {
			t.Errorf("%s: the job ran on %s", c.name, j.Runner)
		}
	}
}
