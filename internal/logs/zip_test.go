package logs_test

import (
	"archive/zip"
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/logs/logstest"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func archive(t *testing.T, f *logstest.Fixture) []byte {
	t.Helper()
	a, err := f.Logs.OpenArchive(t.Context(), f.Run, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.Write(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func entries(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := got[file.Name]; twice {
			t.Errorf("%s is there twice", file.Name)
		}
		got[file.Name] = string(text)
	}
	return got
}

func TestArchiveHasTheNamesOfGitHub(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		f := logstest.New(t, st, logs.Limits{})
		build, skipped, same := f.Job("build (1.26, linux) / a:b"), f.Job("skipped"), f.Job("build (1.26, linux)  AB")
		one, two := f.Step(build, 1, "Set up job"), f.Step(build, 2, "Run ./a/b: c\nd")
		put(t, f.Logs, build, two.GUID, 1, "two\n")
		put(t, f.Logs, build, one.GUID, 2, "one\n")
		s := f.Step(same, 1, "..")
		put(t, f.Logs, same, s.GUID, 1, "same\n")
		put(t, f.Logs, same, same.GUID, 1, "whole\n")
		f.Complete(skipped, time.Now())
		first := archive(t, f)
		want := map[string]string{
			"0_build (1.26, linux)  ab.txt":            "one\ntwo\n",
			"build (1.26, linux)  ab/1_Set up job.txt": "one\n",
			"build (1.26, linux)  ab/2_Run .ab cd.txt": "two\n",
			"1_build (1.26, linux)  AB (1).txt":        "same\n",
			"build (1.26, linux)  AB (1)/job.txt":      "whole\n",
			"build (1.26, linux)  AB (1)/1___.txt":     "same\n",
		}
		if d := cmp.Diff(want, entries(t, first)); d != "" {
			t.Error(d)
		}
		if !bytes.Equal(first, archive(t, f)) {
			t.Error("the same logs gave another archive")
		}
	})
}

// ghJobName is what gh looks for, by its own description: see environment.md.
func ghJobName(name string) string {
	name = strings.NewReplacer("/", "", ":", "").Replace(name)
	if u := utf16.Encode([]rune(name)); len(u) > 90 {
		name = string(utf16.Decode(u[:90]))
	}
	return strings.TrimSpace(name)
}

func TestGHFindsTheLogOfAStep(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	names := []string{
		"plain", "caller / called", "a: b", strings.Repeat("long ", 40), strings.Repeat("x", 89) + "😅", "ümläut 😅", `<"|?*>`, "x (1)",
		strings.Repeat("y", 88) + " : z",
	}
	for _, name := range names {
		j := f.Job(name)
		s := f.Step(j, 3, "Run "+strings.Repeat("z", 200))
		put(t, f.Logs, j, s.GUID, 1, name)
	}
	got := entries(t, archive(t, f))
	for _, name := range names {
		for _, pattern := range []string{`^` + regexp.QuoteMeta(ghJobName(name)) + `/3_.*\.txt$`, `^\d+_` + regexp.QuoteMeta(ghJobName(name)) + `\.txt$`} {
			found := 0
			for file, text := range got {
				if regexp.MustCompile(pattern).MatchString(file) && text == name {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%q: %d entries match %s", name, found, pattern)
			}
		}
	}
}

func TestNoEntryLeavesTheDirectory(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	for _, name := range []string{"..", "../../etc/passwd", `..\..\x`, "/etc/passwd", ".", "", "a\x00b", "C:\\x", "...", "/"} {
		j := f.Job(name)
		s := f.Step(j, 1, name)
		put(t, f.Logs, j, s.GUID, 1, "x")
	}
	for name := range entries(t, archive(t, f)) {
		dir, file, nested := strings.Cut(name, "/")
		if !nested {
			dir, file = "x", dir
		}
		if strings.Trim(dir, ". ") == "" || strings.ContainsAny(file+dir, "/\\:\x00") {
			t.Errorf("entry %q", name)
		}
	}
}

func TestArchiveOfARunWithoutLogsIsNotFound(t *testing.T) {
	f := logstest.New(t, storetest.Open(t), logs.Limits{})
	f.Job("build")
	if _, err := f.Logs.OpenArchive(t.Context(), f.Run, 1); actions.KindOf(err) != actions.NotFound {
		t.Errorf("got %v", err)
	}
}
