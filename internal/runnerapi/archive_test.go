package runnerapi_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/builtin"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/toolkit"
	"github.com/understudy-ci/understudy/internal/wire"
)

// hostCheck is a form of the toolkit's function (ENV-3).
const hostCheck = `function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    return ghUrl.hostname.toUpperCase() !== 'GITHUB.COM';
}
`

// hold gives the job of a new run to a new runner.
func (w *world) hold(name string) *held {
	w.t.Helper()
	return w.runner(name).take(w.job(w.start(simple)).GUID)
}

var logStamps = regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\dT[\d:.]+Z `)

// log is the log of the job without times, "" if there is none.
func (h *held) log() string {
	w := h.c.w
	w.t.Helper()
	job, err := w.Store.JobByGUID(w.t.Context(), h.msg.JobID)
	w.Must(err)
	r, _, err := w.Logs.OpenJob(w.t.Context(), job)
	if actions.KindOf(err) == actions.NotFound {
		return ""
	}
	w.Must(err)
	defer r.Close()
	text, err := io.ReadAll(r)
	w.Must(err)
	return logStamps.ReplaceAllString(string(text), "")
}

// fetch gets an archive and the contents of its files.
func (w *world) fetch(url string) map[string]string {
	w.t.Helper()
	body := w.want("archive", w.do(http.MethodGet, url, "", nil, ""), http.StatusOK).body
	files := map[string]string{}
	add := func(name string, r io.Reader) {
		text, err := io.ReadAll(r)
		w.Must(err)
		if _, name, _ = strings.Cut(name, "/"); name != "" && !strings.HasSuffix(name, "/") {
			files[name] = string(text)
		}
	}
	if strings.Contains(url, ".zip?") {
		z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		w.Must(err)
		for _, f := range z.File {
			r, err := f.Open()
			w.Must(err)
			add(f.Name, r)
		}
		return files
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	w.Must(err)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		w.Must(err)
		if h.Typeflag == tar.TypeReg {
			add(h.Name, r)
		}
	}
}

func TestArchivesHaveTheHostCheckLifted(t *testing.T) { // ENV-4 option F
	each(t, func(t *testing.T, w *world) {
		files := map[string]string{"action.yml": "name: x", "dist/index.js": "// mine\n" + hostCheck, "README.md": hostCheck}
		sha := w.pushFiles(w.tools, files)
		lifted := []byte(files["dist/index.js"])
		toolkit.Lift(lifted)
		want := map[string]string{"action.yml": "name: x", "dist/index.js": string(lifted), "README.md": hostCheck}
		h := w.hold("box")
		_, found, _ := h.resolve("octo/tools@main")
		info := found.Actions["octo/tools@main"]
		if h.log() != "" {
			t.Errorf("a log before anything was done: %q", h.log())
		}
		for range 2 { // runners try again, and the log says it once
			for _, url := range []string{info.TarURL, info.ZipURL} {
				if d := cmp.Diff(want, w.fetch(url)); d != "" {
					t.Error(d)
				}
			}
		}
		note := "Lifted the host check of the Actions toolkit in octo/tools@" + sha + " (dist/index.js). With --no-toolkit-patch the server hands out actions as they are.\n"
		if d := cmp.Diff(note, h.log()); d != "" {
			t.Error(d)
		}
	})
}

func TestArchivesStayAsTheyAreWhenToldSo(t *testing.T) {
	w := newWorld(t, func(c *servertest.Config) { c.ToolkitPatch = false })
	files := map[string]string{"action.yml": "name: x", "dist/index.js": hostCheck}
	w.pushFiles(w.tools, files)
	h := w.hold("box")
	_, found, _ := h.resolve("octo/tools@main")
	info := found.Actions["octo/tools@main"]
	for _, url := range []string{info.TarURL, info.ZipURL} {
		if d := cmp.Diff(files, w.fetch(url)); d != "" {
			t.Error(d)
		}
	}
	if h.log() != "" {
		t.Errorf("the log says %q", h.log())
	}
}

func TestUnknownHostChecksAreWarnedOf(t *testing.T) {
	w := newWorld(t, nil)
	const minified = `var a=()=>{throw Error("download-artifact@v4+ are not currently supported on GHES.")}`
	sha := w.pushFiles(w.tools, map[string]string{"action.yml": "name: x", "dist/i.js": minified, "plain.js": "1"})
	h := w.hold("box")
	_, found, _ := h.resolve("octo/tools@main")
	if got := w.fetch(found.Actions["octo/tools@main"].TarURL)["dist/i.js"]; got != minified {
		t.Errorf("became %q", got)
	}
	if got := h.log(); !strings.HasPrefix(got, "##[warning]octo/tools@"+sha+" has the Actions toolkit with a host check that this server does not know (dist/i.js).") {
		t.Errorf("the log says %q", got)
	}
}

// GitHub's runner runs actions of the workspace as they are.
func TestTheLogSaysWhatToDoAboutAHostThatIsRefused(t *testing.T) {
	w := newWorld(t, nil)
	h := w.hold("box")
	message := "@actions/artifact v2.0.0+, upload-artifact@v4+ and download-artifact@v4+ are not currently supported on GHES."
	w.want("completion", h.report(&wire.CompleteJobRequest{
		Conclusion: wire.Failed,
		StepResults: []wire.StepResult{{
			ExternalID: "3c1d6f42-0000-4000-8000-000000000001", Number: 2, Name: "Run ./act", Conclusion: wire.Failed,
			Annotations: []wire.Annotation{{Level: wire.LevelFailure, Message: message}},
		}},
	}), http.StatusOK)
	if got := h.log(); !strings.HasPrefix(got, "##[warning]An action") || !strings.Contains(got, "Start the server with --job-server-url http://NAME.localhost:PORT") {
		t.Errorf("the log says %q", got)
	}
	again := w.hold("box2")
	w.want("completion", again.complete(wire.Failed), http.StatusOK)
	if again.log() != "" {
		t.Errorf("the log of a job that failed for another reason says %q", again.log())
	}
}

func TestArchivesOfCommitsThatAreGoneAreNotFound(t *testing.T) {
	w := newWorld(t, nil)
	w.push(w.tools, "name: x", "refs/heads/main")
	h := w.hold("box")
	_, found, _ := h.resolve("octo/tools@main")
	info := found.Actions["octo/tools@main"]
	w.Must(filepath.WalkDir(filepath.Join(w.Data, "repositories"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "objects" {
			return err
		}
		w.Must(os.RemoveAll(path))
		return fs.SkipDir
	}))
	for _, url := range []string{info.TarURL, info.ZipURL} {
		if a := w.do(http.MethodGet, url, "", nil, ""); a.status == http.StatusOK {
			t.Errorf("%s: an archive of nothing", url)
		}
	}
}

// carried are the actions that the server carries itself.
func (w *world) carried() *builtin.Set {
	w.t.Helper()
	set, err := builtin.New(version)
	w.Must(err)
	return set
}

func TestBuiltinActionsStandInForWhatIsNotHere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		set := w.carried()
		upload, _ := set.Find("actions/upload-artifact")
		h := w.hold("box")
		refs := []string{"actions/upload-artifact@v4", "Actions/Upload-Artifact@de0fac2e4500dabe0009e67214ff5f5447ce83dd", "actions/upload-artifact@main"}
		a, found, _ := h.resolve(refs...)
		w.want("resolve", a, http.StatusOK)
		for _, ref := range refs {
			info := found.Actions[ref]
			name, version, _ := strings.Cut(ref, "@")
			want := wire.ActionInfo{
				Name: name, Version: version, ResolvedName: "understudy/actions/upload-artifact", ResolvedSHA: upload.SHA, TarURL: info.TarURL, ZipURL: info.ZipURL,
			}
			if d := cmp.Diff(want, info); d != "" {
				t.Error(d)
			}
			files := w.fetch(info.TarURL)
			if d := cmp.Diff(files, w.fetch(info.ZipURL)); d != "" {
				t.Error(d)
			}
			if files["action.yml"] == "" || files["merge/action.yml"] == "" || files["lib/core.js"] == "" {
				t.Errorf("%s has %d files", ref, len(files))
			}
			w.want("head", w.do(http.MethodHead, info.TarURL, "", nil, ""), http.StatusOK)
			w.want("another", w.do(http.MethodGet, strings.Replace(info.TarURL, "/"+upload.SHA+"/", "/"+strings.Repeat("1", 40)+"/", 1), "", nil, ""), http.StatusNotFound)
			if note := ref + " is the action that Understudy carries itself (SHA:" + upload.SHA + "): this server has no repository actions/upload-artifact\n"; !strings.Contains(h.log(), note) {
				t.Errorf("the log lacks %q:\n%s", note, h.log())
			}
		}
		a, _, missing := h.resolve("actions/setup-node@v4", "octo/upload-artifact@v4", "actions/checkout@v4")
		if w.want("others", a, http.StatusUnprocessableEntity); len(missing.Errors) != 2 {
			t.Errorf("missing: %v", missing.Errors)
		}
	})
}

func TestOperatorsSayWhenBuiltinActionsAreUsed(t *testing.T) {
	const here, carried = "here", "carried"
	for policy, want := range map[builtin.Policy]struct{ there, other, elsewhere string }{
		"":               {here, "", carried},
		builtin.Fallback: {here, "", carried},
		builtin.Prefer:   {carried, carried, carried},
		builtin.Never:    {here, "", ""},
	} {
		t.Run(string(policy), func(t *testing.T) {
			w := newWorld(t, func(c *servertest.Config) { c.BuiltinActions = string(policy) })
			ours, _ := w.carried().Find("actions/checkout")
			sha := w.push(w.Repository(w.Organization("actions"), "checkout", false), "name: checkout", "refs/tags/v4")
			names := map[string]string{sha: here, ours.SHA: carried}
			h := w.hold("box")
			_, found, _ := h.resolve("actions/checkout@v4")
			if got := names[found.Actions["actions/checkout@v4"].ResolvedSHA]; got != want.there {
				t.Errorf("what is here is %q, want %q", got, want.there)
			}
			_, found, _ = h.resolve("actions/checkout@v9")
			if got := names[found.Actions["actions/checkout@v9"].ResolvedSHA]; got != want.other {
				t.Errorf("a version that is not here is %q, want %q", got, want.other)
			}
			a, _, missing := h.resolve("actions/cache@v4")
			if got := a.status == http.StatusOK; got != (want.elsewhere != "") {
				t.Errorf("what is not here answers %d", a.status)
			}
			if said := missing.Errors["actions/cache@v4"].Message; want.elsewhere == "" && !strings.Contains(said, "--builtin-actions never") {
				t.Errorf("the error does not say that there would be one: %s", said)
			}
		})
	}
}

// The signature covers which built-in action it is, and whose log is written to.
func TestArchiveAddressesCannotBeBent(t *testing.T) {
	w := newWorld(t, nil)
	h := w.hold("box")
	_, found, _ := h.resolve("actions/cache@v4")
	url := found.Actions["actions/cache@v4"].TarURL
	w.want("as given", w.do(http.MethodGet, url, "", nil, ""), http.StatusOK)
	object := regexp.MustCompile(`object=([0-9a-f]+)\.(\d+)\.(\d+)`)
	for _, with := range []string{"object=$1.1$2.$3", "object=$1.$2.1$3", "object=$1.$2", "object=$1", "object=..", "object=" + strings.Repeat("a", 40) + ".$2.$3"} {
		w.want(with, w.do(http.MethodGet, object.ReplaceAllString(url, with), "", nil, ""), http.StatusNotFound)
	}
}

func TestArchivesHaveOneDirectoryAndAnExpiry(t *testing.T) { // ACT-1
	w := newWorld(t, nil)
	dotted := w.Repository(&w.tools.Owner, ".github", false)
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
		w.Pass(10*time.Minute + time.Second)
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
