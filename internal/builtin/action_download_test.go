package builtin_test

import (
	"archive/zip"
	"bytes"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDownloadPutsFilesWhereTheOriginalDoes(t *testing.T) {
	t.Parallel()
	two := map[string]map[string]string{"one": {"a.txt": "1"}, "two": {"b.txt": "2", "d/c.txt": "3"}}
	for name, c := range map[string]struct {
		have   map[string]map[string]string
		ref    string
		inputs []string
		want   map[string]string
	}{
		"one by name":               {two, "v8", []string{"name", "two"}, map[string]string{"b.txt": "2", "d/c.txt": "3"}},
		"one by name to a path":     {two, "v8", []string{"name", "one", "path", "in/there"}, map[string]string{"in/there/a.txt": "1"}},
		"all":                       {two, "v8", nil, map[string]string{"one/a.txt": "1", "two/b.txt": "2", "two/d/c.txt": "3"}},
		"all in one":                {two, "v8", []string{"merge-multiple", "true", "path", "x"}, map[string]string{"x/a.txt": "1", "x/b.txt": "2", "x/d/c.txt": "3"}},
		"all of one":                {map[string]map[string]string{"one": {"a.txt": "1"}}, "v5", nil, map[string]string{"a.txt": "1"}},
		"all of one, before v5":     {map[string]map[string]string{"one": {"a.txt": "1"}}, "v4.3.0", nil, map[string]string{"one/a.txt": "1"}},
		"by pattern":                {two, "v8", []string{"pattern", "t*"}, map[string]string{"b.txt": "2", "d/c.txt": "3"}},
		"by pattern with braces":    {two, "v8", []string{"pattern", "{one,tw[o]}"}, map[string]string{"one/a.txt": "1", "two/b.txt": "2", "two/d/c.txt": "3"}},
		"by a pattern of nothing":   {two, "v8", []string{"pattern", "z*"}, map[string]string{}},
		"pattern ignored with name": {two, "v8", []string{"pattern", "t*", "name", "one"}, map[string]string{"a.txt": "1"}},
		"no artifacts at all":       {nil, "v8", nil, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newArtifactServer(t)
			for _, a := range []string{"one", "two"} {
				if files, ok := c.have[a]; ok {
					s.add(a, "application/zip", zipOf(t, files))
				}
			}
			w := s.job(t)
			w.env["GITHUB_ACTION_REF"] = c.ref
			r := w.use("actions/download-artifact", c.inputs...).main()
			if d := cmp.Diff(c.want, w.below(".")); d != "" {
				t.Errorf("%s\n%s", d, r.log)
			}
			if got := r.outputs["download-path"]; !strings.HasPrefix(got, w.dir) {
				t.Errorf("download-path is %q", got)
			}
			r.says(t, "Built-in action of Understudy 1.2.3 in place of actions/download-artifact", "Download artifact has finished successfully")
			if left, err := filepath.Glob(filepath.Join(w.temp, "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q %v", left, err)
			}
		})
	}
}

func TestDownloadByNumber(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	for _, name := range []string{"one", "two", "three"} {
		s.add(name, "application/zip", zipOf(t, map[string]string{name + ".txt": name}))
	}
	w := s.job(t)
	w.use("actions/download-artifact", "artifact-ids", "1001", "path", "a").main()
	r := w.use("actions/download-artifact", "artifact-ids", "1000, 1002,9", "path", "b").main()
	r.says(t, "::warning::Could not find the following artifact IDs: 9")
	want := map[string]string{"a/two.txt": "two", "b/one/one.txt": "one", "b/three/three.txt": "three"}
	if d := cmp.Diff(want, w.below(".")); d != "" {
		t.Error(d)
	}
	w.use("actions/download-artifact", "artifact-ids", "1000", "name", "one").fails("cannot be used together")
	w.use("actions/download-artifact", "artifact-ids", "one").fails("Invalid artifact ID: 'one'. Must be a number.")
	w.use("actions/download-artifact", "artifact-ids", ",").fails("No valid artifact IDs provided")
	w.use("actions/download-artifact", "artifact-ids", "4").fails("None of the provided artifact IDs were found")
	w.use("actions/download-artifact", "name", "four").fails("Unable to download artifact(s): Artifact not found for name: four")
}

func TestDownloadTakesTheNewestOfAName(t *testing.T) { // ART-5
	t.Parallel()
	s := newArtifactServer(t)
	s.add("x", "application/zip", zipOf(t, map[string]string{"x": "old"}))
	s.add("x", "application/zip", zipOf(t, map[string]string{"x": "new"}))
	w := s.job(t)
	w.use("actions/download-artifact", "artifact-ids", "1001").main()
	if d := cmp.Diff(map[string]string{"x": "new"}, w.below(".")); d != "" {
		t.Error(d)
	}
}

func TestDownloadKeepsFilesThatAreNoZip(t *testing.T) { // BLOB-6
	t.Parallel()
	s := newArtifactServer(t)
	s.add("ünï cödé;\"x.txt", "text/plain", []byte("text"))
	body := zipOf(t, map[string]string{"in.txt": "in"})
	s.add("raw.zip", "application/zip", body)
	s.add("../../up", "text/plain", []byte("up"))
	w := s.job(t)
	w.use("actions/download-artifact", "artifact-ids", "1000").main()
	w.use("actions/download-artifact", "name", "raw.zip", "path", "unpacked").main()
	w.use("actions/download-artifact", "name", "raw.zip", "path", "kept", "skip-decompress", "true").main()
	w.use("actions/download-artifact", "name", "../../up", "path", "deep/er").main()
	want := map[string]string{"ünï cödé;\"x.txt": "text", "unpacked/in.txt": "in", "kept/raw.zip": string(body), "deep/er/up": "up"}
	if d := cmp.Diff(want, w.below(".")); d != "" {
		t.Error(d)
	}
	w.use("actions/download-artifact", "path", "all").fails("The artifact name is not valid: ../../up")
}

func TestDownloadComparesTheDigest(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	s.add("x", "application/zip", zipOf(t, map[string]string{"x": "x"})).Hash = digestOf([]byte("something else"))
	const text = "Artifact 'x' digest validation failed"
	w := s.job(t)
	use := func(how string) *actionStep {
		return w.use("actions/download-artifact", "name", "x", "digest-mismatch", how, "path", how)
	}
	use("error").fails(text)
	if r := use("warn").main(); !strings.Contains(r.log, "::warning::"+text) {
		t.Errorf("no warning:\n%s", r.log)
	}
	if r := use("info").main(); !strings.Contains(r.log, "\n"+text) {
		t.Errorf("no line:\n%s", r.log)
	}
	if r := use("ignore").main(); strings.Contains(r.log, text) {
		t.Errorf("a line:\n%s", r.log)
	}
	use("shout").fails("Invalid value for 'digest-mismatch'")
	want := map[string]string{"warn/x": "x", "info/x": "x", "ignore/x": "x"}
	if d := cmp.Diff(want, w.below(".")); d != "" {
		t.Error(d)
	}
}

// A connection that breaks off is resumed; the digest is that of the whole.
func TestDownloadGoesOnAfterTheConnectionBrokeOff(t *testing.T) {
	t.Parallel()
	s := newArtifactServer(t)
	big := make([]byte, 5<<20)
	_, _ = rand.NewChaCha8([32]byte{2}).Read(big)
	s.add("x", "application/zip", zipOf(t, map[string]string{"big": string(big), "medium": string(big[:300_000]), "small": "s"}))
	s.cut = 1
	s.refuse["get"] = 1
	w := s.job(t)
	r := w.use("actions/download-artifact", "name", "x").main()
	if got := w.below("."); got["big"] != string(big) || got["medium"] != string(big[:300_000]) || got["small"] != "s" {
		t.Errorf("the contents differ\n%s", r.log)
	}
}

func TestDownloadFromAnotherRunByREST(t *testing.T) { // ART-8
	t.Parallel()
	s := newArtifactServer(t)
	s.add("one", "application/zip", zipOf(t, map[string]string{"a.txt": "1"}))
	s.add("two", "application/zip", zipOf(t, map[string]string{"b.txt": "2"}))
	w := s.job(t)
	w.env["ACTIONS_RUNTIME_TOKEN"] = "" // not needed
	use := func(inputs ...string) *actionStep {
		return w.use("actions/download-artifact", append([]string{"github-token", "ghp_secret", "repository", "octo/other", "run-id", "77"}, inputs...)...)
	}
	use("path", "all").main().says(t, "::add-mask::signature0")
	use("path", "two", "name", "two").main()
	want := map[string]string{"all/one/a.txt": "1", "all/two/b.txt": "2", "two/b.txt": "2"}
	if d := cmp.Diff(want, w.below(".")); d != "" {
		t.Error(d)
	}
	use("name", "three").fails("Artifact not found for name: three")
	use("repository", "other").fails("Invalid repository: 'other'")
	use("run-id", "../..").fails("Invalid run-id")
	use("run-id", "78").fails("Unable to list artifacts: 404")
}

func TestMergeMakesOneArtifactOfSeveral(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		inputs []string
		want   map[string]string
		live   []string
	}{
		"all":               {nil, map[string]string{"a.txt": "1", "d/b.txt": "2", "c.txt": "3"}, []string{"one", "two", "three", "merged-artifacts"}},
		"some":              {[]string{"pattern", "t*", "name", "ts"}, map[string]string{"d/b.txt": "2", "c.txt": "3"}, []string{"one", "two", "three", "ts"}},
		"each in its own":   {[]string{"separate-directories", "true"}, map[string]string{"one/a.txt": "1", "two/d/b.txt": "2", "three/c.txt": "3"}, []string{"one", "two", "three", "merged-artifacts"}},
		"and the old gone":  {[]string{"delete-merged", "true", "pattern", "{one,two}"}, map[string]string{"a.txt": "1", "d/b.txt": "2"}, []string{"three", "merged-artifacts"}},
		"with hidden files": {[]string{"include-hidden-files", "true", "pattern", "one"}, map[string]string{"a.txt": "1", ".h": "h"}, []string{"one", "two", "three", "merged-artifacts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newArtifactServer(t)
			s.add("one", "application/zip", zipOf(t, map[string]string{"a.txt": "1", ".h": "h"}))
			s.add("two", "application/zip", zipOf(t, map[string]string{"d/b.txt": "2"}))
			s.add("three", "application/zip", zipOf(t, map[string]string{"c.txt": "3"}))
			w := s.job(t)
			r := w.use("actions/upload-artifact/merge", c.inputs...).main()
			if d := cmp.Diff(c.want, filesOf(t, s.last(t).body)); d != "" {
				t.Errorf("%s\n%s", d, r.log)
			}
			var live []string
			for _, e := range s.all {
				if e.live {
					live = append(live, e.Name)
				}
			}
			if d := cmp.Diff(c.live, live); d != "" {
				t.Error(d)
			}
			if r.outputs["artifact-id"] != "1003" || r.outputs["artifact-digest"] == "" {
				t.Errorf("outputs %v", r.outputs)
			}
		})
	}
	s := newArtifactServer(t)
	s.job(t).use("actions/upload-artifact/merge", "pattern", "x*").fails("No artifacts were found with the provided pattern: x*.")
}

// Threat: zip slip, symlink, absolute path, NUL or 4 GB name in uploaded or
// generated archives.
func TestHostileZipsStayInTheirDirectory(t *testing.T) {
	t.Parallel()
	entry := func(h zip.FileHeader, content string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		h.CRC32, h.CompressedSize64 = crc32.ChecksumIEEE([]byte(content)), uint64(len(content))
		if h.UncompressedSize64 == 0 {
			h.UncompressedSize64 = uint64(len(content))
		}
		w, err := z.CreateRaw(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	link := zip.FileHeader{Name: "link"}
	link.SetMode(fs.ModeSymlink | 0o777)
	good := zipOf(t, map[string]string{"good.txt": strings.Repeat("good", 100)})
	for name, c := range map[string]struct {
		body []byte
		why  string // "" if it only must do no harm
	}{
		"a climbing name":        {entry(zip.FileHeader{Name: "../evil"}, "x"), "is not safe"},
		"climbing inside":        {entry(zip.FileHeader{Name: "a/../../evil"}, "x"), "is not safe"},
		"an absolute name":       {entry(zip.FileHeader{Name: "/evil"}, "x"), "is not safe"},
		"a NUL":                  {entry(zip.FileHeader{Name: "a\x00b"}, "x"), "is not safe"},
		"no name":                {entry(zip.FileHeader{Name: ""}, "x"), "is not safe"},
		"a link":                 {entry(link, "/etc/passwd"), ""},
		"through a link":         {zipOf(t, map[string]string{"out/evil": "x"}), "leads out of"},
		"over a link":            {zipOf(t, map[string]string{"file": "x"}), ""},
		"a long name":            {entry(zip.FileHeader{Name: strings.Repeat("x", 65535)}, "x"), "ENAMETOOLONG"},
		"more than announced":    {bomb(t, 10<<20, 100), "damaged"},
		"much more, from disk":   {bomb(t, 64<<20, 20<<20), "damaged"},
		"cut off":                {good[:len(good)-30], "damaged"},
		"nothing":                {nil, "damaged"},
		"more, of middling size": {bomb(t, 200_000_000, 1_000_000), "damaged"},
		"no zip":                 {bytes.Repeat([]byte("PK"), 5000), "damaged"},
		"other bytes":            {bytes.Replace(good, []byte("PK\x03\x04"), []byte("PK\x03\x05"), 1), "damaged"},
		"another method":         {entry(zip.FileHeader{Name: "x", Method: 99}, "x"), "not supported"},
		"encrypted":              {entry(zip.FileHeader{Name: "x", Flags: 1}, "x"), "encrypted"},
		"two sizes":              {entry(zip.FileHeader{Name: "x", UncompressedSize64: 7}, "x"), "two sizes"},
		"a file and a directory": {zipOf(t, map[string]string{"x": "", "x/y": ""}), "E"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newArtifactServer(t)
			s.add("x", "application/zip", c.body)
			w := s.job(t)
			w.write(map[string]string{"in/keep": "k"})
			outside := filepath.Join(filepath.Dir(w.dir), "outside")
			for _, err := range []error{
				os.Mkdir(outside, 0o755), os.WriteFile(filepath.Join(outside, "file"), []byte("mine"), 0o600),
				os.Symlink(outside, filepath.Join(w.dir, "in/out")), os.Symlink(filepath.Join(outside, "file"), filepath.Join(w.dir, "in/file")),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			use := w.use("actions/download-artifact", "name", "x", "path", "in")
			if c.why != "" {
				use.fails(c.why)
			} else {
				use.main()
			}
			got, err := os.ReadFile(filepath.Join(outside, "file"))
			if err != nil || string(got) != "mine" {
				t.Errorf("a file outside became %q (%v)", got, err)
			}
			for _, dir := range []string{outside, filepath.Dir(w.dir), w.dir} {
				if _, err := os.Lstat(filepath.Join(dir, "evil")); err == nil {
					t.Errorf("there is %s/evil", dir)
				}
			}
			if _, err := os.Lstat(filepath.Join(w.dir, "in/link")); err == nil {
				t.Error("a link was made")
			}
		})
	}
}

// bomb is a zip file with an entry that unpacks to more than it announces.
func bomb(t *testing.T, size, announced int) []byte {
	t.Helper()
	b := zipOf(t, map[string]string{"bomb": strings.Repeat("\x00", size)})
	list := bytes.LastIndex(b, []byte("PK\x01\x02"))
	for i, shift := range []int{0, 8, 16, 24} {
		b[list+24+i] = byte(announced >> shift)
	}
	return b
}
