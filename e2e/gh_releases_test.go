package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Debian's gh makes releases with assets, shows, changes, downloads and deletes them; a
// workflow runs at the tag of what is published.
func TestGhWorksWithReleases(t *testing.T) {
	t.Parallel()
	g := startWithGH(t)
	r := g.repo
	r.commit(".github/workflows/release.yml", `name: Release
on: {release: {types: [published]}}
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - env: {EVENT: '${{ github.event.action }} ${{ github.event.release.tag_name }} ${{ github.event.release.assets[0].name }}'}
        run: echo "at $GITHUB_REF of $GITHUB_REF_TYPE, $EVENT"
`, "a.txt", "of the source\n")
	r.push()
	try := func(want string, args ...string) { t.Helper(); g.prints(want, 0, args...) }
	tool, more := filepath.Join(t.TempDir(), "tool one.bin"), filepath.Join(t.TempDir(), "more.txt")
	content := strings.Repeat("0123456789abcdef", 1<<16)
	write(t, tool, content)
	write(t, more, "more\n")

	try("http://ci.example/"+r.name+"/releases/tag/v1.0.0", "release", "create", "v1.0.0", tool+"#The tool", "--title", "First", "--notes", "What is **new**.")
	run := r.runAt(".github/workflows/release.yml", "release")
	job := r.conclude(run, "success")
	if text := strings.Join(r.log(job), "\n"); !strings.Contains(text, "at refs/tags/v1.0.0 of tag, published v1.0.0 tool.one.bin") {
		t.Errorf("the job says %s", text)
	}
	r.mustGit("fetch", "-q", "--tags", "origin")
	if r.mustGit("rev-parse", "v1.0.0") != r.mustGit("rev-parse", "HEAD") {
		t.Error("the tag is not at the commit of the default branch")
	}
	try("First\tLatest\tv1.0.0\t…", "release", "list")
	try("title:\tFirst\ntag:\tv1.0.0\ndraft:\tfalse\nprerelease:\tfalse\nauthor:\tadmin\n…url:\thttp://ci.example/"+r.name+"/releases/tag/v1.0.0\nasset:\ttool.one.bin\n--\nWhat is **new**.", "release", "view")
	g.prints("…a release with the same tag name already exists: v1.0.0", 1, "release", "create", "v1.0.0", tool, "--notes", "again")

	try("…", "release", "upload", "v1.0.0", more)
	g.prints("…asset under the same name already exists: [more.txt]", 1, "release", "upload", "v1.0.0", more)
	write(t, more, "more and more\n")
	try("…", "release", "upload", "v1.0.0", more, "--clobber")
	dir := t.TempDir()
	try("", "release", "download", "v1.0.0", "--dir", dir)
	try("", "release", "download", "v1.0.0", "--dir", dir, "--archive", "zip")
	for name, want := range map[string]string{"tool.one.bin": content, "more.txt": "more and more\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if zips, _ := filepath.Glob(filepath.Join(dir, "*.zip")); len(zips) != 1 {
		t.Errorf("archives %v", zips)
	}
	try("…", "release", "delete-asset", "v1.0.0", "more.txt", "--yes")

	try("…/releases/tag/untagged-…", "release", "create", "v2.0.0", "--draft", "--notes", "soon")
	try("v2.0.0\tDraft\tv2.0.0\t…\nFirst\tLatest\tv1.0.0\t…", "release", "list")
	try("…/releases/tag/v2.0.0", "release", "edit", "v2.0.0", "--draft=false", "--prerelease", "--title", "Second")
	try("Second\tPre-release\tv2.0.0\t…\nFirst\tLatest\tv1.0.0\t…", "release", "list")
	try("…", "release", "delete", "v2.0.0", "--yes", "--cleanup-tag")
	try("…", "release", "delete", "v1.0.0", "--yes")
	try("", "release", "list")
	if tags := r.mustGit("ls-remote", "--tags", "origin"); !strings.HasSuffix(tags, "refs/tags/v1.0.0") || strings.Contains(tags, "\n") {
		t.Errorf("tags that are left: %s", tags)
	}
}
