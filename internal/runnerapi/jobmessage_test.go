package runnerapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/wire"
)

var update = flag.Bool("update", false, "write golden files")

const everything = `name: CI
on: push
env: {GREETING: hi}
defaults: {run: {shell: sh}}
permissions: {contents: read, pull-requests: write}
jobs:
  build:
    name: Build ${{ matrix.os }}
    strategy: {matrix: {os: [linux]}}
    runs-on: [self-hosted, Linux]
    env: {WHO: "${{ github.actor }}"}
    outputs: {o1: "${{ steps.first.outputs.val }}"}
    container: {image: "alpine:3", env: {A: b}}
    services: {db: {image: "postgres:15"}}
    environment: {name: prod, url: "https://x/${{ github.sha }}"}
    steps:
      - id: first
        run: echo "$GREETING {x} it's ${{ github.ref }}"
      - name: Second
        if: failure() || github.ref == 'refs/heads/main'
        run: echo b
        shell: bash
        working-directory: dir
        timeout-minutes: 5
        continue-on-error: true
        env: {X: "${{ github.sha }}"}
      - if: github.actor == 'octo'
        uses: octo/hello/sub/dir@v1
        with: {who: world, n: 5, yes: true}
      - uses: ./local
      - uses: docker://alpine:3
`

// The message has the shape that runners were seen to accept (MSG-1).
func TestTheJobMessageIsAsRunnersReadIt(t *testing.T) { // MSG-1, MSG-4, MSG-5, PRM-1, CTX-4
	each(t, func(t *testing.T, w *world) {
		run := w.start(everything)
		h := w.runner("box").take(w.job(run).GUID)
		checkMessage(t, h)
		var pretty bytes.Buffer
		w.Must(json.Indent(&pretty, h.raw, "", " "))
		got := scrub(w, h, pretty.String()) + "\n"
		path := filepath.Join("testdata", "message.json")
		if *update {
			w.Must(os.MkdirAll("testdata", 0o755))
			w.Must(os.WriteFile(path, []byte(got), 0o644))
		}
		want, err := os.ReadFile(path)
		w.Must(err)
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("runners are told something else than before (-want +got; if that is meant, go test -update writes %s):\n%s", path, d)
		}
	})
}

// checkMessage checks the rules that break runners when they are missed (FLOW-1).
func checkMessage(t *testing.T, h *held) {
	t.Helper()
	m := &h.msg
	if m.MessageType != "RunnerJobRequest" || len(m.Steps) != 5 || m.Timeline.ID == "" {
		t.Errorf("message %q with %d steps, timeline %q", m.MessageType, len(m.Steps), m.Timeline.ID)
	}
	for _, s := range m.Steps {
		if s.Condition == "" {
			t.Errorf("step %s has no condition", s.Name)
		}
	}
	if bytes.Contains(h.raw, []byte("${{")) {
		t.Error("a string token has an expression in it, which no runner looks for")
	}
	c := m.Connection()
	for name, url := range map[string]string{"endpoint": c.URL, "results": m.Variable(wire.VarResultsEndpoint), "runtime": c.Data[wire.PipelinesServiceURL]} {
		if !strings.HasPrefix(url, h.c.w.URL+"/") || !strings.HasSuffix(url, "/") {
			t.Errorf("URL of %s: %q has no slash at its end, or another base", name, url)
		}
	}
	if feed := c.Data[wire.FeedStreamURL]; !strings.HasPrefix(feed, "ws://") {
		t.Errorf("feed %q is no WebSocket", feed)
	}
	for _, name := range []string{"system.github.token", "github_token"} {
		if v := m.Variables[name]; !v.IsSecret || !strings.HasPrefix(v.Value, "ghs_") {
			t.Errorf("variable %s is %+v, want a secret", name, v)
		}
	}
	if got, want := m.Variable(wire.VarTokenPermissions), `{"Contents":"read","Metadata":"read","PullRequests":"write"}`; got != want {
		t.Errorf("permissions %s, want %s (PRM-1)", got, want)
	}
	for _, id := range []string{"run_id", "run_number", "run_attempt", "repository_id", "actor_id", "retention_days"} {
		if !regexp.MustCompile(`"k":"` + id + `","v":"\d+"`).Match(h.raw) {
			t.Errorf("github.%s is not a number in a string", id)
		}
	}
	if parts := strings.Split(c.Token(), "."); len(parts) != 3 {
		t.Errorf("the job's token has %d parts; listeners decode a JWT", len(parts))
	}
}

// scrub replaces what differs from run to run.
func scrub(w *world, h *held, text string) string {
	for _, r := range []struct{ old, name string }{
		{h.msg.Connection().Token(), "JOB-TOKEN"},
		{strings.ReplaceAll(h.msg.Connection().Token(), ".", `\\.`), "JOB-TOKEN"}, // as a pattern
		{h.msg.Connection().StepsToken(), "STEPS-TOKEN"},
		{strings.ReplaceAll(h.msg.Connection().StepsToken(), ".", `\\.`), "STEPS-TOKEN"},
		{h.msg.Variable(wire.VarToken), "GITHUB-TOKEN"},
		{h.msg.JobID, "JOB"},
		{h.msg.Plan.PlanID, "PLAN"},
		{strings.TrimPrefix(w.URL, "http://"), "HOST"},
	} {
		text = strings.ReplaceAll(text, r.old, r.name)
	}
	text = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`).ReplaceAllString(text, "STEP")
	text = regexp.MustCompile(`"lockedUntil": "[^"]*"`).ReplaceAllString(text, `"lockedUntil": "TIME"`)
	text = regexp.MustCompile(`("k": "(?:actor_id|repository_id|repository_owner_id|run_id|check_run_id)",\s*"v": "?)\d+`).ReplaceAllString(text, `${1}0`)
	return regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(text, "")
}

func TestAJobHearsWhatItMayNotDoWithCaches(t *testing.T) { // CACHE-4
	w := newWorld(t, nil)
	for mode, want := range map[string]string{"write": "", "read": "read", "none": "none"} {
		h := w.runner(mode).take(w.job(w.start("on: push\njobs: {a: {cache-mode: " + mode + ", runs-on: self-hosted, steps: [{run: a}]}}\n")).GUID)
		if v := h.msg.Variable(wire.VarCacheMode); v != want || h.msg.Variable(wire.VarCacheV2) != "true" {
			t.Errorf("%s: variable %q, want %q; service v2 %q", mode, v, want, h.msg.Variable(wire.VarCacheV2))
		}
	}
}

func TestTheTokenOfAJobDiesWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := w.runner("box").take(w.job(w.start(simple)).GUID)
		token := "token " + h.msg.Variable(wire.VarToken)
		if a := w.call("GET", "/api/v3/"+repo+"/actions/runners", token, nil, nil); a.status != 403 {
			t.Errorf("runners by a job's token: %d %s, want 403", a.status, a.body)
		}
		w.want("complete", h.complete(wire.Succeeded), 200)
		if a := w.call("GET", "/api/v3/"+repo+"/actions/runners", token, nil, nil); a.status != 401 {
			t.Errorf("after the job: %d %s, want 401", a.status, a.body)
		}
	})
}

// The address alone tells steps that they may ask for OIDC tokens.
func TestOnlyAJobWithThePermissionIsToldWhereOIDCTokensAre(t *testing.T) { // MSG-6, OIDC-1
	w := newWorld(t, nil)
	const steps = "jobs: {a: {runs-on: self-hosted, steps: [{run: a}]}}\n"
	box := w.runner("box")
	for permissions, may := range map[string]bool{
		"": false, "permissions: read-all\n": false, "permissions: {contents: write}\n": false, "permissions: {id-token: none}\n": false,
		"permissions: {id-token: write}\n": true, "permissions: write-all\n": true,
	} {
		h := box.take(w.job(w.start("on: push\n" + permissions + steps)).GUID)
		c := h.msg.Connection()
		url := c.Data[wire.GenerateIDTokenURL]
		if !may {
			if url != "" {
				t.Errorf("%q: the job is told %s", permissions, url)
			}
			for _, text := range []string{c.Token(), c.StepsToken()} {
				path := wire.IDTokenPath + h.msg.Plan.PlanID + "/" + h.msg.JobID
				if a := w.do("GET", path, "Bearer "+text, nil, "application/json"); a.status != 403 {
					t.Errorf("%q: it asks all the same: %d %s, want 403", permissions, a.status, a.body)
				}
			}
			w.want("complete", h.complete(wire.Succeeded), 200)
			continue
		}
		if !strings.HasPrefix(url, w.URL+"/") || !strings.Contains(url, "?") {
			t.Errorf("%q: the job is told %q, to which clients append &audience=", permissions, url)
			continue
		}
		for _, text := range []string{c.Token(), c.StepsToken()} {
			if a := w.do("GET", url+"&audience=x", "Bearer "+text, nil, "application/json"); a.status != 200 || !bytes.HasPrefix(a.body, []byte(`{"value":"ey`)) {
				t.Errorf("%q: %d %s", permissions, a.status, a.body)
			}
		}
		w.want("complete", h.complete(wire.Succeeded), 200)
	}
}
