package builtin_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUploadMakesAnArtifactOfADirectory(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	files := map[string]string{"a.txt": "a", "empty": "", "b/c d.txt": strings.Repeat("text ", 1000), "b/ünï/日本語.md": "unicode", "b/$x": "dollar"}
	for name, text := range files {
		w.write(map[string]string{"dist/" + name: text})
	}
	w.write(map[string]string{"dist/.hidden": "no", "dist/.git/config": "no", "dist/nothing/": ""})
	r := w.use("actions/upload-artifact", "name", "bundle", "path", "dist").main()
	e := s.last(t)
	if d := cmp.Diff(files, filesOf(t, e.body)); d != "" {
		t.Error(d)
	}
	want := map[string]string{
		"artifact-id": "1000", "artifact-digest": strings.TrimPrefix(digestOf(e.body), "sha256:"),
		"artifact-url": "https://ci.example/octo/hello/actions/runs/12/artifacts/1000",
	}
	if d := cmp.Diff(want, r.outputs); d != "" {
		t.Error(d)
	}
	r.says(t, "Built-in action of Understudy 1.2.3 in place of actions/upload-artifact", "With the provided path, there will be 5 files uploaded",
		"::add-mask::signature0", "Artifact bundle successfully finalized. Artifact ID 1000")
	if e.Name != "bundle" || e.Mime != "application/zip" || e.ExpiresAt != "" || !e.whole || !strings.HasPrefix(r.log, "Built-in") {
		t.Errorf("%+v\n%s", e, r.log)
	}
	wellFormed(t, e.body)
}

// wellFormed asks a program that people use.
func wellFormed(t *testing.T, body []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	if unzip, err := exec.LookPath("unzip"); err == nil {
		if out, err := exec.CommandContext(t.Context(), unzip, "-tq", file).CombinedOutput(); err != nil {
			t.Errorf("unzip: %v\n%s", err, out)
		}
	}
}

func TestUploadFindsWhatPatternsMean(t *testing.T) {
	t.Parallel()
	tree := map[string]string{
		"a.txt": "1", "b.log": "2", "out/a.txt": "3", "out/deep/er/b.log": "4", "out/deep/.secret": "5", ".env": "6", "other/z.txt": "7", "[x]/q.txt": "8", "e/": "",
	}
	for name, c := range map[string]struct {
		path   string
		hidden string
		want   []string // files of the artifact
	}{
		"one file":                 {"out/a.txt", "false", []string{"a.txt"}},
		"one file by a pattern":    {"out/*.txt", "false", []string{"a.txt"}},
		"a directory":              {"out", "false", []string{"a.txt", "deep/er/b.log"}},
		"a directory with a slash": {"./out/", "false", []string{"a.txt", "deep/er/b.log"}},
		"hidden files too":         {"out", "true", []string{"a.txt", "deep/.secret", "deep/er/b.log"}},
		"a hidden file alone":      {".env", "false", nil},
		"a hidden file, wanted":    {".env", "true", []string{".env"}},
		"two directories":          {"out\nother", "false", []string{"out/a.txt", "out/deep/er/b.log", "other/z.txt"}},
		"any depth":                {"**/*.log", "false", []string{"b.log", "out/deep/er/b.log"}},
		"all below":                {"out/**", "false", []string{"a.txt", "deep/er/b.log"}},
		"a directory by pattern":   {"ou?", "false", []string{"out/a.txt", "out/deep/er/b.log"}},
		"without some":             {"out\n!out/deep", "false", []string{"a.txt"}},
		"without a pattern":        {"**\n!**/*.txt", "false", []string{"b.log", "out/deep/er/b.log"}},
		"taken away, and back":     {"out\n!out/**\nout/a.txt", "false", []string{"a.txt"}},
		"comments and blanks":      {"# all\n\n  out/a.txt  \n", "false", []string{"a.txt"}},
		"a set":                    {"[a-c].*", "false", []string{"a.txt", "b.log"}},
		"not of a set":             {"[!a].*", "false", []string{"b.log"}},
		"brackets in a name":       {"[[]x]/*", "false", []string{"q.txt"}},
		"nothing":                  {"none/*", "false", nil},
		"an empty directory":       {"e", "false", nil},
		"braces are not special":   {"{a,b}.txt", "false", nil},
		"the whole":                {".", "false", []string{"[x]/q.txt", "a.txt", "b.log", "other/z.txt", "out/a.txt", "out/deep/er/b.log"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newArtifactServer(t)
			w := s.job(t)
			w.write(tree)
			u := w.use("actions/upload-artifact", "path", c.path, "include-hidden-files", c.hidden)
			r := u.main()
			if c.want == nil {
				r.says(t, "::warning::No files were found with the provided path: "+strings.TrimSpace(c.path)+". No artifacts will be uploaded.")
				return
			}
			var got []string
			for _, f := range zipFiles(t, s.last(t).body) {
				got = append(got, f.Name)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s\n%s", d, r.log)
			}
		})
	}
}

func zipFiles(t *testing.T, body []byte) []*zip.File {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	return z.File
}

func TestUploadFollowsLinks(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"real/a.txt": "a", "up/b.txt": "b"})
	for link, target := range map[string]string{"up/real": "../real", "up/c.txt": "b.txt", "up/again": "../up", "up/broken": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(w.dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	w.use("actions/upload-artifact", "path", "up").main()
	want := map[string]string{"b.txt": "b", "c.txt": "b", "real/a.txt": "a"}
	if d := cmp.Diff(want, filesOf(t, s.last(t).body)); d != "" {
		t.Error(d)
	}
}

// putSpecials makes a named pipe, a link to it, and a socket in a directory, and says
// what is warned of.
func putSpecials(t *testing.T, dir string) []string {
	t.Helper()
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600), os.Symlink("pipe", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "socket")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return []string{
		"::warning::" + dir + "/link is left out: it is a named pipe, not a file",
		"::warning::" + dir + "/pipe is left out: it is a named pipe, not a file",
		"::warning::" + dir + "/socket is left out: it is a socket, not a file",
	}
}

func TestUploadLeavesOutWhatIsNoFile(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"out/a.txt": "a"})
	warnings := putSpecials(t, filepath.Join(w.dir, "out"))
	r := w.use("actions/upload-artifact", "path", "out").main()
	if d := cmp.Diff(map[string]string{"a.txt": "a"}, filesOf(t, s.last(t).body)); d != "" {
		t.Error(d)
	}
	r.says(t, warnings...)
	w.use("actions/upload-artifact", "path", "out/pipe").main().says(t, warnings[1],
		"::warning::No files were found with the provided path: out/pipe. No artifacts will be uploaded.")
}

func TestUploadTakesPathsFromAnywhere(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	home := w.env["HOME"]
	if err := os.WriteFile(filepath.Join(home, "x.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.write(map[string]string{"y.txt": "y"})
	w.use("actions/upload-artifact", "path", "~/x.txt\n"+filepath.Join(w.dir, "y.txt")).main()
	want := map[string]string{"home/x.txt": "x", "work/y.txt": "y"}
	if d := cmp.Diff(want, filesOf(t, s.last(t).body)); d != "" {
		t.Error(d)
	}
}

func TestUploadSaysWhenNothingIsThere(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	const text = "No files were found with the provided path: none. No artifacts will be uploaded."
	use := func(how string) *actionStep {
		return w.use("actions/upload-artifact", "path", "none", "if-no-files-found", how)
	}
	use("warn").main().says(t, "::warning::"+text)
	use("ignore").main().says(t, text)
	use("error").fails(text)
	use("shout").fails("Unrecognized if-no-files-found input")
	if len(s.all) > 0 {
		t.Errorf("%d artifacts were made", len(s.all))
	}
}

func TestUploadOverwritesOnlyWhenTold(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"a.txt": "first"})
	w.use("actions/upload-artifact", "path", "a.txt").main()
	w.use("actions/upload-artifact", "path", "a.txt").fails("an artifact with this name already exists on the workflow run")
	w.write(map[string]string{"a.txt": "second"})
	r := w.use("actions/upload-artifact", "path", "a.txt", "overwrite", "true").main()
	if got := filesOf(t, s.last(t).body)["a.txt"]; got != "second" || r.outputs["artifact-id"] == "1000" {
		t.Errorf("%q as %s", got, r.outputs["artifact-id"])
	}
}

func TestUploadOfOneFileAsItIs(t *testing.T) { // ART-7
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"out/report.json": `{"a":1}`, "out/b": "", "empty": ""})
	w.use("actions/upload-artifact", "name", "ignored", "path", "out/report.json", "archive", "false").main()
	if e := s.last(t); e.Name != "report.json" || e.Mime != "application/json" || string(e.body) != `{"a":1}` {
		t.Errorf("%+v", e)
	}
	w.use("actions/upload-artifact", "path", "empty", "archive", "false").main()
	if e := s.last(t); e.Name != "empty" || e.Mime != "application/octet-stream" || len(e.body) > 0 || !e.live {
		t.Errorf("%+v", e)
	}
	w.use("actions/upload-artifact", "path", "out", "archive", "false").fails("only a single file can be uploaded. Found 2 files")
}

func TestUploadKeepsForSomeDays(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"a": "a"})
	days := func(e *artifactEntry) int {
		at, err := time.Parse(time.RFC3339Nano, e.ExpiresAt)
		if err != nil {
			t.Fatal(err)
		}
		return int(time.Until(at).Hours()/24 + 0.5)
	}
	w.use("actions/upload-artifact", "name", "five", "path", "a", "retention-days", "5").main()
	if got := days(s.last(t)); got != 5 {
		t.Errorf("%d days, want 5", got)
	}
	w.env["GITHUB_RETENTION_DAYS"] = "3"
	w.use("actions/upload-artifact", "name", "three", "path", "a", "retention-days", "5").main()
	if got := days(s.last(t)); got != 3 {
		t.Errorf("%d days, want the repository's 3", got)
	}
	w.use("actions/upload-artifact", "name", "x", "path", "a", "retention-days", "soon").fails("Invalid retention-days")
	w.use("actions/upload-artifact", "name", "x", "path", "a", "compression-level", "10").fails("Invalid compression-level")
}

func TestUploadRefusesNamesThatFileSystemsCannotHold(t *testing.T) { // LIM-1
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	w.write(map[string]string{"a": "a", `bad/q"x`: "q", "bad/n\nl": "n"})
	for _, name := range []string{"a/b", `a\b`, "a:b", `a"b`, "a<b", "a>b", "a|b", "a*b", "a?b", "a\nb"} {
		w.use("actions/upload-artifact", "name", name, "path", "a").fails("The artifact name is not valid")
	}
	w.use("actions/upload-artifact", "path", "bad").fails("The path for one of the files in artifact is not valid")
	w.use("actions/upload-artifact", "path", "../out").fails("Relative pathing '.' and '..' is not allowed")
	w.use("actions/upload-artifact", "path", "").fails("Input required and not supplied: path")
	if len(s.all) > 0 {
		t.Errorf("%d artifacts were made", len(s.all))
	}
}

// A large file goes in blocks of 8 MiB, four at once, and comes out the same
// though some of them are refused at first. (BLOB-3)
func TestUploadSendsBlocksAndTriesAgain(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	big := make([]byte, 41<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(big)
	w.write(map[string]string{"d/big.bin": string(big), "d/medium": string(big[:200_000]), "d/small": "s"})
	s.refuse = map[string]int{"CreateArtifact": 1, "block": 1, "list": 1, "FinalizeArtifact": 1}
	s.slow = make(chan struct{})
	r := w.use("actions/upload-artifact", "path", "d", "compression-level", "0").main()
	e := s.last(t)
	files := filesOf(t, e.body)
	if !e.live || files["big.bin"] != string(big) || files["medium"] != string(big[:200_000]) || files["small"] != "s" || len(s.blocks) != 6 || s.most != 4 {
		t.Errorf("live %t, %d files, %d blocks, at most %d at once\n%s", e.live, len(files), len(s.blocks), s.most, r.log)
	}
	wellFormed(t, e.body)
	r.says(t, "SHA256 digest of uploaded artifact is "+strings.TrimPrefix(digestOf(e.body), "sha256:"))
	if !strings.Contains(r.log, "CreateArtifact - attempt 1 of 6 failed: Failed to CreateArtifact: 503") {
		t.Errorf("the log does not tell of the trouble:\n%s", r.log)
	}
}

func TestUploadPacksAsTightlyAsToldTo(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	text := strings.Repeat("all work and no play makes jack a dull boy\n", 100_000)
	w.write(map[string]string{"small.txt": text[:1000], "large.txt": text})
	sizes := map[string]int{}
	for _, level := range []string{"0", "1", "9"} {
		w.use("actions/upload-artifact", "name", "level-"+level, "path", ".", "compression-level", level).main()
		e := s.last(t)
		if d := cmp.Diff(map[string]string{"small.txt": text[:1000], "large.txt": text}, filesOf(t, e.body)); d != "" {
			t.Error("the contents differ at level " + level)
		}
		wellFormed(t, e.body)
		sizes[level] = len(e.body)
	}
	if sizes["0"] < len(text) || sizes["1"] > len(text)/10 || sizes["9"] >= sizes["1"] {
		t.Errorf("sizes %v of %d", sizes, len(text))
	}
}

func TestUploadOfManyFiles(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	w := s.job(t)
	files := map[string]string{}
	for i := range 200 {
		files[fmt.Sprintf("%d/%d.txt", i%7, i)] = strings.Repeat("x", i*i)
	}
	for name, text := range files {
		w.write(map[string]string{"many/" + name: text})
	}
	w.use("actions/upload-artifact", "path", "many").main()
	if d := cmp.Diff(files, filesOf(t, s.last(t).body)); d != "" {
		t.Error(d)
	}
}

func TestUploadNeedsAServerWithResults(t *testing.T) {
	t.Parallel()
	w := newArtifactServer(t).job(t)
	w.write(map[string]string{"a": "a"})
	for name, env := range map[string][2]string{
		"no URL":         {"ACTIONS_RESULTS_URL", ""},
		"no token":       {"ACTIONS_RUNTIME_TOKEN", ""},
		"a bad token":    {"ACTIONS_RUNTIME_TOKEN", "x"},
		"a token of old": {"ACTIONS_RUNTIME_TOKEN", "e30.e30.e30"},
	} {
		old := w.env[env[0]]
		w.env[env[0]] = env[1]
		if r := w.use("actions/upload-artifact", "path", "a").run("index.js"); r.exit != 1 || !strings.Contains(r.log, "::error::") {
			t.Errorf("%s: exit %d\n%s", name, r.exit, r.log)
		}
		w.env[env[0]] = old
	}
}
