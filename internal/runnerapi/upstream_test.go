package runnerapi_test

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
	"github.com/understudy-ci/understudy/internal/servertest"
)

const refusing = `"use strict";
function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    const hostname = ghUrl.hostname.trimEnd().toUpperCase();
    const isGitHubHost = hostname === 'GITHUB.COM';
    const isGheHost = hostname.endsWith('.GHE.COM');
    const isLocalHost = hostname.endsWith('.LOCALHOST');
    return !isGitHubHost && !isGheHost && !isLocalHost;
}
`

// upstreamed is a world whose only upstream is a host on loopback.
func upstreamed(t *testing.T, change func(c *servertest.Config)) (*world, *gittest.Host) {
	t.Helper()
	host := gittest.NewHost(t)
	return newWorld(t, func(c *servertest.Config) {
		c.ActionsUpstream = []string{host.URL}
		if change != nil {
			change(c)
		}
	}), host
}

func TestActionsOfOtherHostsResolve(t *testing.T) { // ACT-2
	w, host := upstreamed(t, nil)
	tree := host.Add("far/tool")
	sha := tree.Commit("one", "action.yml", "name: tool", "dist/index.js", refusing)
	tree.Git("tag", "v1")
	tree.Git("push", "-q", "origin", "main", "v1")
	near := w.push(w.tools, "one", "refs/heads/main")
	strange := host.Add("octo/tools") // octo is ours
	strange.Commit("evil", "action.yml", "evil")
	strange.Git("push", "-q", "origin", "main:refs/heads/main", "main:refs/heads/other")
	run := w.start(simple)
	h := w.runner("box").take(w.job(run).GUID)

	a, found, _ := h.resolve("far/tool@v1", "octo/tools@main", "far/tool@"+sha, "actions/upload-artifact@v4")
	w.want("resolve", a, http.StatusOK)
	for key, want := range map[string]string{"far/tool@v1": sha, "far/tool@" + sha: sha, "octo/tools@main": near} {
		if got := found.Actions[key]; got.ResolvedSHA != want {
			t.Errorf("%s: %+v, want %s", key, got, want)
		}
	}
	if got := found.Actions["actions/upload-artifact@v4"].ResolvedName; got != "understudy/actions/upload-artifact" {
		t.Errorf("%s: what the host lacks is the one that the server carries", got)
	}
	for _, ref := range []string{"octo/tools@other", "octo/hidden@main", "far/none@v1", "far/tool@v2"} {
		if a, _, missing := h.resolve(ref); a.status != http.StatusUnprocessableEntity || !strings.HasPrefix(missing.Errors[ref].Message, "Unable to resolve action `"+ref+"`, ") {
			t.Errorf("%s: %d %s", ref, a.status, a.body)
		}
	}

	info := found.Actions["far/tool@v1"]
	for _, url := range []string{info.TarURL, info.ZipURL} {
		r := w.Do(http.MethodGet, url, "", nil)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", url, r.StatusCode, r.Text)
		}
		if url == info.TarURL {
			w.wantLifted(string(r.Text))
		}
		if bad := w.Do(http.MethodGet, strings.Replace(url, "kept-", "kept-1", 1), "", nil); bad.StatusCode != http.StatusNotFound {
			t.Errorf("an address that was changed: %d", bad.StatusCode)
		}
	}
	host.Close() // all of it is here
	a, _, _ = h.resolve("far/tool@v1", "far/tool@"+sha)
	w.want("again", a, http.StatusOK)

	locked, total, err := w.Store.LockedActions(t.Context(), run.ID, 1, actions.Page{Number: 1, Size: 10})
	w.Must(err)
	var lines []string
	for _, l := range locked {
		lines = append(lines, l.Name+"@"+l.Ref+" "+string(l.Origin)+" "+l.Host)
	}
	want := "actions/upload-artifact@v4 built_in \nfar/tool@" + sha + " fetched " + host.URL + "\nfar/tool@v1 fetched " + host.URL + "\nocto/tools@main repository "
	if got := strings.Join(lines, "\n"); got != want || total != 4 {
		t.Errorf("the report of the run (%d) has\n%s\nwant\n%s", total, got, want)
	}
}

// wantLifted reads an archive whose script must have its check lifted.
func (w *world) wantLifted(archive string) {
	w.t.Helper()
	zr, err := gzip.NewReader(strings.NewReader(archive))
	w.Must(err)
	for tr := tar.NewReader(zr); ; {
		f, err := tr.Next()
		w.Must(err)
		if !strings.HasSuffix(f.Name, "/dist/index.js") {
			continue
		}
		text, err := io.ReadAll(tr)
		w.Must(err)
		if !strings.Contains(string(text), "return false; /* lifted */") || len(text) != len(refusing) {
			w.t.Errorf("the check is as it was:\n%s", text)
		}
		return
	}
}

func TestThePermissionsOfActionsCountForOtherHostsToo(t *testing.T) {
	w, host := upstreamed(t, nil)
	tree := host.Add("far/tool")
	sha := tree.Commit("one", "action.yml", "name: tool")
	tree.Git("push", "-q", "origin", "main")
	h := w.hold("box")
	set := func(path string, body any) {
		w.Want(w.Do(http.MethodPut, w.api+"/repos/octo/hello/actions/permissions"+path, w.admin, body), http.StatusNoContent)
	}
	refused := func(ref, want string) {
		t.Helper()
		a, _, missing := h.resolve(ref)
		if got := missing.Errors[ref].Message; a.status != http.StatusUnprocessableEntity || got != want {
			t.Errorf("%d %q, want %q", a.status, got, want)
		}
	}
	set("", map[string]any{"enabled": true, "allowed_actions": "local_only"})
	refused("far/tool@main", "The action far/tool@main is not allowed in octo/hello because all actions must be from a repository owned by octo.")
	set("", map[string]any{"enabled": true, "allowed_actions": "selected"})
	set("/selected-actions", map[string]any{"patterns_allowed": []string{"far/*"}})
	a, _, _ := h.resolve("far/tool@main")
	w.want("by a pattern", a, http.StatusOK)
	set("", map[string]any{"enabled": true, "allowed_actions": "all", "sha_pinning_required": true})
	refused("far/tool@main", "The action far/tool@main is not allowed in octo/hello because all actions must be pinned to a full-length commit SHA.")
	a, _, _ = h.resolve("far/tool@" + sha)
	w.want("by its commit", a, http.StatusOK)
	if n := len(host.Requests()); n == 0 {
		t.Error("nobody has asked the host")
	}
}

func TestBuiltInActionsStandInWhereNoUpstreamCanBeReached(t *testing.T) {
	w, host := upstreamed(t, nil)
	host.Close()
	h := w.hold("box")
	a, found, _ := h.resolve("actions/checkout@v4")
	w.want("carried", a, http.StatusOK)
	if got := found.Actions["actions/checkout@v4"].ResolvedName; got != "understudy/actions/checkout" {
		t.Errorf("resolved to %s", got)
	}
	a, _, missing := h.resolve("far/tool@v1")
	if got := missing.Errors["far/tool@v1"].Message; a.status != http.StatusUnprocessableEntity || !strings.Contains(got, host.URL+": it cannot be reached: dial tcp") {
		t.Errorf("%d %q", a.status, got)
	}
}

func TestActionsOfAnUpstreamTakeThePlaceOfBuiltInOnes(t *testing.T) {
	w, host := upstreamed(t, nil)
	tree := host.Add("actions/checkout")
	sha := tree.Commit("one", "action.yml", "name: real")
	tree.Git("tag", "v4")
	tree.Git("push", "-q", "origin", "main", "v4")
	h := w.hold("box")
	a, found, _ := h.resolve("actions/checkout@v4")
	if got := found.Actions["actions/checkout@v4"].ResolvedSHA; a.status != http.StatusOK || got != sha {
		t.Errorf("%d %s, want %s", a.status, got, sha)
	}
	a, _, missing := h.resolve("actions/checkout@v99")
	if got := missing.Errors["actions/checkout@v99"].Message; a.status != http.StatusUnprocessableEntity || got != "Unable to resolve action `actions/checkout@v99`, unable to find version `v99`" {
		t.Errorf("%d %q", a.status, got)
	}
}

// Runners hang up after a time, and the fetch goes on without them.
func TestAResolutionThatTakesLongIsToBeAskedForAgain(t *testing.T) { // ACT-2
	host := gittest.NewHost(t)
	site := servertest.New(t, append(options(func(c *servertest.Config) { c.ActionsUpstream = []string{host.URL} }),
		servertest.WithDeps(func(d *servertest.Deps) { d.Limits.Resolve = 200 * time.Millisecond }))...)
	w := people(t, site)
	tree := host.Add("far/tool")
	tree.Commit("one", "action.yml", "name: tool")
	tree.Git("push", "-q", "origin", "main")
	asked, release := make(chan struct{}, 10), make(chan struct{})
	host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		host.Git.ServeHTTP(rw, r)
	}))
	h := w.hold("box")
	a, _, _ := h.resolve("far/tool@main")
	w.want("while it is fetched", a, http.StatusServiceUnavailable)
	<-asked
	close(release)
	for { // until the fetch is over
		if a, _, _ = h.resolve("far/tool@main"); a.status != http.StatusServiceUnavailable {
			break
		}
	}
	w.want("when it is here", a, http.StatusOK)
}
