package runnerapi_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/wire"
)

// resolve asks where actions are.
func (h *held) resolve(refs ...string) (*answer, *wire.ResolveActionsResponse, *wire.ResolveActionsError) {
	w := h.c.w
	w.t.Helper()
	var req wire.ResolveActionsRequest
	for _, ref := range refs {
		action, version, _ := strings.Cut(ref, "@")
		req.Actions = append(req.Actions, wire.ActionRef{Action: action, Version: version})
	}
	path := "/actions//build/" + h.msg.Plan.PlanID + "/jobs/" + h.msg.JobID + "/runnerresolve/actions"
	found, missing := &wire.ResolveActionsResponse{}, &wire.ResolveActionsError{}
	a := w.call(http.MethodPost, path, h.access, req, found)
	if a.status == http.StatusUnprocessableEntity {
		w.must(json.Unmarshal(a.body, missing))
	}
	return a, found, missing
}

func TestActionsResolveToCommitsOfTheirRepository(t *testing.T) { // ACT-1
	each(t, func(t *testing.T, w *world) {
		first := w.push(w.tools, "one", "refs/heads/main", "refs/tags/v1")
		second := w.push(w.tools, "two", "refs/heads/release/2")
		own := w.push(w.hello, "own", "refs/heads/main")
		foreign := w.push(w.other, "foreign", "refs/heads/main")
		h := w.runner("box").take(w.job(w.start(simple)).GUID)
		for ref, want := range map[string]string{
			"octo/tools@v1": first, "octo/tools@main": first, "Octo/TOOLS@v1": first, "octo/tools@release/2": second,
			"octo/tools@" + first: first, "octo/tools@refs/tags/v1": first, "octo/hello@main": own, "octo/hello@" + own: own,
		} {
			a, found, _ := h.resolve(ref)
			w.want(ref, a, http.StatusOK)
			info := found.Actions[ref]
			name, version, _ := strings.Cut(ref, "@")
			if info.ResolvedSHA != want || info.Name != name || info.Version != version || !strings.EqualFold(info.ResolvedName, name) {
				t.Errorf("%s: %+v, want commit %s", ref, info, want)
			}
		}
		for ref, want := range map[string]string{
			"mona/other@main": "repository not found", "mona/nothing@main": "repository not found", "octo@main": "repository not found",
			"@": "repository not found", "octo/tools/../hello@main": "repository not found", "../../etc@main": "repository not found",
			"octo/tools\x00@v1": "repository not found", "octo/tools@": "unable to find version",
			"octo/tools@v2": "unable to find version", "octo/tools@" + first[:8]: "unable to find version",
			"octo/tools@" + foreign: "unable to find version", "octo/tools@" + strings.Repeat("0", 40): "unable to find version",
			"octo/tools@--help": "unable to find version", "octo/tools@v1^{tree}": "unable to find version", "octo/tools@main:action.yml": "unable to find version",
			"octo/tools@../../heads/main": "unable to find version", "octo/tools@v1\n": "unable to find version", "octo/tools@" + strings.Repeat("x", 9000): "unable to find version",
		} {
			a, _, missing := h.resolve(ref, "octo/tools@v1")
			if got := missing.Errors[ref].Message; a.status != http.StatusUnprocessableEntity || len(missing.Errors) != 1 || !strings.Contains(got, want) || len(got) > 500 {
				t.Errorf("%.60q: %d %.300q, want 422 with %q for it alone", ref, a.status, a.body, want)
			}
		}
		a, _, _ := h.resolve(make([]string, 1001)...)
		w.want("a thousand and one", a, http.StatusUnprocessableEntity)
		a, found, _ := h.resolve()
		if w.want("none", a, http.StatusOK); found.Actions == nil {
			t.Error("the answer to no question lacks its member")
		}
		w.want("complete", h.complete(wire.Succeeded), http.StatusOK)
		a, _, _ = h.resolve("octo/tools@v1")
		w.want("after the job", a, http.StatusNotFound)
	})
}

// A commit that a forced push left behind is in the repository, and anybody
// could have put it there.
func TestCommitsThatNoRefReachesAreNotFound(t *testing.T) {
	w := newWorld(t, openStore(t))
	gone := w.push(w.tools, "one", "refs/heads/main")
	w.push(w.tools, "two", "refs/heads/main")
	h := w.runner("box").take(w.job(w.start(simple)).GUID)
	a, _, _ := h.resolve("octo/tools@" + gone)
	w.want("resolve", a, http.StatusUnprocessableEntity)
}

func TestArchivesHaveOneDirectoryAndAnExpiry(t *testing.T) { // ACT-1
	w := newWorld(t, openStore(t))
	dotted := w.repository(&w.tools.Owner, ".github", false)
	for _, repo := range []string{"octo/tools", "octo/.github"} {
		target := w.tools
		if repo == "octo/.github" {
			target = dotted
		}
		w.push(target, "name: x", "refs/heads/main")
		h := w.runner("box-" + strconv.FormatInt(target.ID, 10)).take(w.job(w.start(simple)).GUID)
		_, found, _ := h.resolve(repo + "@main")
		info := found.Actions[repo+"@main"]
		tarURL, zipURL := info.TarURL, info.ZipURL
		wantNames(t, tarNames(t, w.want("tar", w.do(http.MethodGet, tarURL, "Basic eDp5", nil, ""), http.StatusOK).body), info.ResolvedSHA)
		wantNames(t, zipNames(t, w.want("zip", w.do(http.MethodGet, zipURL, "token x", nil, ""), http.StatusOK).body), info.ResolvedSHA)
		w.want("head", w.do(http.MethodHead, tarURL, "", nil, ""), http.StatusOK)
		for name, bad := range map[string]string{
			"unsigned":          tarURL[:strings.Index(tarURL, "?")],
			"another file":      strings.Replace(tarURL, ".tar.gz?", ".zip?", 1),
			"another commit":    strings.ReplaceAll(tarURL, info.ResolvedSHA, strings.Repeat("1", 40)),
			"another purpose":   strings.Replace(tarURL, "purpose=action", "purpose=log", 1),
			"another signature": tarURL[:len(tarURL)-4] + "AAAA",
			"twice":             tarURL + "&repo=1",
		} {
			w.want(name, w.do(http.MethodGet, bad, "", nil, ""), http.StatusNotFound)
		}
		w.pass(10*time.Minute + time.Second)
		w.want("expired", w.do(http.MethodGet, tarURL, "", nil, ""), http.StatusNotFound)
	}
}

func wantNames(t *testing.T, names []string, sha string) {
	t.Helper()
	dir := "action-" + sha + "/"
	if len(names) != 2 || names[0] != dir || names[1] != dir+"action.yml" {
		t.Errorf("the archive has %q, want one directory %s with one file", names, dir)
	}
}

func tarNames(t *testing.T, body []byte) (names []string) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeXGlobalHeader {
			names = append(names, h.Name)
		}
	}
}

func zipNames(t *testing.T, body []byte) (names []string) {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	return names
}
