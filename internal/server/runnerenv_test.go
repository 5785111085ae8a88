package server

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBundledRunnersGetWhatTheOperatorHandsOver(t *testing.T) {
	t.Parallel()
	given := map[string]string{"https_proxy": "http://proxy:3128", "SSL_CERT_FILE": "/ca.pem", "MIRROR": "http://mirror", "SECRET": "s", "PATH": "/sbin"}
	s := &Server{
		deps: Deps{Env: []string{"PATH=/bin", "LANG=C"}, LookupEnv: func(name string) (string, bool) {
			value, ok := given[name]
			return value, ok
		}},
		config: Config{RunnerEnv: []string{"MIRROR", "HOOK=/a,b=c", "MISSING", "EMPTY=", "LANG=de_DE.UTF-8"}},
	}
	want := []string{"EMPTY=", "HOOK=/a,b=c", "LANG=de_DE.UTF-8", "MIRROR=http://mirror", "PATH=/bin", "SSL_CERT_FILE=/ca.pem", "https_proxy=http://proxy:3128"}
	got := s.runnerEnv()
	slices.Sort(got)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for _, bad := range []string{"", "=x", "A\x00=b"} {
		if err := (&Config{RunnerEnv: []string{bad}}).checkRunnerEnv(); err == nil {
			t.Errorf("--runner-env %q is taken", bad)
		}
	}
}
