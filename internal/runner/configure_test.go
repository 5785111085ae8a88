package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/understudy-ci/understudy/internal/wire"
)

func TestConfigureRegistersAndKeepsEverythingInPrivateFiles(t *testing.T) {
	s := newServer(t)
	root := configure(t, s, nil)
	got := s.register[0]
	got.PublicKey = ""
	want := wire.RegisterRequest{
		URL: s.http.URL + "/enterprises/understudy", GroupID: 1, Name: "box1", Version: "1.0", UpdatesDisabled: true,
		Labels: []wire.RunnerLabel{
			{Name: "self-hosted", Type: "system"},
			{Name: osLabel(), Type: "system"},
			{Name: archLabel(), Type: "system"},
			{Name: "ubuntu-latest", Type: "user"},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, name := range configFiles {
		info, err := os.Stat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	if !Configured(root, s.http.URL+"/enterprises/understudy") || Configured(root, "http://elsewhere/o/r") || Configured(t.TempDir(), "") {
		t.Error("Configured does not know what is configured")
	}
}

func TestConfigureRefusesATakenNameUnlessItReplaces(t *testing.T) {
	s := newServer(t)
	o := Options{Root: t.TempDir(), URL: s.http.URL + "/enterprises/understudy", Token: "REG", Name: "old", Log: testLog(t)}
	if err := Configure(t.Context(), o); err == nil {
		t.Fatal("the name was taken over")
	}
	o.Replace = true
	if err := Configure(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if r := s.register[0]; !r.Replace || r.RunnerID != runnerID {
		t.Errorf("replace %v, runner %d", r.Replace, r.RunnerID)
	}
	o.Token = "WRONG"
	if err := Configure(t.Context(), o); err == nil {
		t.Error("a wrong token registers")
	}
}

func TestURLDecidesScopeAndAPIBase(t *testing.T) {
	for in, want := range map[string][2]string{
		"http://h:3000/o/r":                {"http://h:3000/api/v3", "repos/o/r"},
		"http://h:3000/o/":                 {"http://h:3000/api/v3", "orgs/o"},
		"https://h/enterprises/understudy": {"https://h/api/v3", "enterprises/understudy"},
		"https://github.com/o/r":           {"https://api.github.com", "repos/o/r"},
		"http://h":                         {},
		"http://h/a/b/c":                   {},
		"ftp://h/a":                        {},
		"http://h/a?b":                     {},
	} {
		base, scope, err := apiBase(in)
		if got := [2]string{base, scope}; got != want || (err == nil) != (want[0] != "") {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
}

func TestJITTextConfiguresARunner(t *testing.T) {
	s := newServer(t)
	c, err := readConfig(configure(t, s, nil))
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.EncodeJIT()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "new")
	if err := ConfigureJIT(root, text); err != nil {
		t.Fatal(err)
	}
	listen(t, root, succeed, nil)
	s.offer("request-1")
	s.result()
}
