package e2e_test

import (
	"strings"
	"testing"
)

func TestARunnerIsRemovedWithARemovalToken(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--runners", "0")
	r := s.newRepository("hello")
	box := r.newRunner("box", "mine")
	until(t, "the runner does not listen", func() bool { // then its files are there, and its lock
		all := s.runners(r.api)
		return len(all) == 1 && all[0].Status == "online"
	})
	var remove struct{ Token string }
	s.do("POST", r.api+"/actions/runners/remove-token", nil, &remove)
	args := []string{"runner", "--work", box.work, "--remove", "--token", remove.Token}
	if code, out := execute(t, environment(t), args...); code != 1 || !strings.Contains(out, "stop it first") {
		t.Errorf("removal of a running runner: exit %d\n%s", code, out)
	}
	if code := box.stop(t); code != 0 {
		t.Errorf("the runner ended with %d", code)
	}
	if code, out := execute(t, environment(t), args...); code != 0 {
		t.Fatalf("removal: exit %d\n%s", code, out)
	}
	if all := s.runners(r.api); len(all) != 0 {
		t.Errorf("registered: %+v", all)
	}
	if code, out := execute(t, environment(t), args...); code != 1 || !strings.Contains(out, "no runner is configured") {
		t.Errorf("removal once more: exit %d\n%s", code, out)
	}
}
