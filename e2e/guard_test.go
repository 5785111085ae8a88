package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

// makeUser makes an account and returns the notice in the answer.
func (s *server) makeUser(login string) (notice string) {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"login": login})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/api/v3/admin/users", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "token "+s.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		s.t.Fatalf("account %s: %s", login, resp.Status)
	}
	return resp.Header.Get("X-Understudy-Notice")
}

// Whoever can push could have code run as the user of the server otherwise.
func TestBundledRunnersTakeNoMoreJobsOnceOthersCanPush(t *testing.T) {
	t.Parallel()
	for _, by := range []string{"the API", "the command line"} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "--drain", "1ms")
			s.isolate("")
			s.args = append(s.args, "--job-share", os.TempDir()) // where the gate is
			s.start()
			if !strings.Contains(string(read(t, s.outFile)), "bundled runners: 2, isolation") {
				t.Errorf("the start says:\n%s", read(t, s.outFile))
			}
			r := s.newRepository("hello")
			h := r.hold("ubuntu-latest")
			var notice string
			if by == "the API" {
				notice = s.makeUser("mona")
			} else {
				_, notice = execute(t, s.env, "admin", "--data", s.data, "user", "create", "mona")
			}
			if !strings.Contains(notice, "mona") || !strings.Contains(notice, "take no more jobs") && !strings.Contains(notice, "--runners 2") {
				t.Errorf("the answer says %q", notice)
			}
			until(t, "the log does not say what to choose", func() bool { return bytes.Contains(read(t, s.logFile), []byte("--runners 2")) })
			next := r.pushWorkflow(quick("ubuntu-latest"))
			until(t, "the idle runner has not ended", func() bool { return len(s.bundled()) == 1 })
			h.gate.pass(20)
			h.gate.open()
			r.checkLog(r.conclude(h.run, "success"), h.gate)
			until(t, "the runner that was busy has not ended", func() bool { return len(s.bundled()) == 0 })
			if j := r.job(next); j.Status != "queued" {
				t.Errorf("the next job is %s", j.Status)
			}
			if code := s.stop(t); code != 0 {
				t.Errorf("the server ended with %d", code)
			}
			s.start()
			if out := string(read(t, s.outFile)); !strings.Contains(out, "bundled runners: none: mona has an account, too") {
				t.Errorf("the next start says:\n%s", out)
			}
			if code := s.stop(t); code != 0 {
				t.Errorf("the server ended with %d", code)
			}
			s.args = append(s.args, "--runners", "1")
			s.isolate("none")
			s.start()
			r.conclude(next, "success")
		})
	}
}
