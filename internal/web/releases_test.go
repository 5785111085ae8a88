package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/servertest"
)

func TestReleasesHavePagesWithAssetsToDownload(t *testing.T) {
	ts := newTestSite(t)
	octo := ts.User("octo")
	repo := ts.Repository(octo, "hello", false)
	token := ts.Token(octo, "repo", "workflow")
	ts.Push(repo, "main", token, map[string]string{"README.md": "hello\n"})
	post := func(path string, body any) map[string]any {
		t.Helper()
		return ts.Want(ts.Do(http.MethodPost, servertest.API+"/repos/octo/hello/releases"+path, token, body), http.StatusCreated).JSON(ts.TB)
	}
	made := post("", map[string]any{"tag_name": "v1/a", "name": "First <b>", "body": "# News\n<script>alert(1)</script>\n**bold**"})
	asset := post(fmt.Sprintf("/%v/assets?name=a.json&label=The%%20data", made["id"]), map[string]string{"some": "data"})
	draft := post("", map[string]any{"tag_name": "v2", "draft": true})
	owner, reader := ts.signedIn(octo), ts.signedIn(ts.User("reader"))

	list := owner.get("/octo/hello/releases")
	for _, want := range []string{"First &lt;b&gt;", `href="/octo/hello/releases/tag/v1/a"`, "Latest", "Draft", "1 asset", `href="/octo/hello/releases" aria-current="page"`} {
		if list.status != http.StatusOK || !strings.Contains(list.body, want) {
			t.Fatalf("%d, without %q: %s", list.status, want, list.body)
		}
	}
	if seen := reader.get("/octo/hello/releases"); seen.status != http.StatusOK || strings.Contains(seen.body, "Draft") {
		t.Errorf("a reader sees: %d %s", seen.status, seen.body)
	}
	one := reader.get("/octo/hello/releases/tag/v1/a")
	for _, want := range []string{"<h1>First &lt;b&gt;", "<strong>bold</strong>", "The data", `href="/octo/hello/releases/download/v1/a/a.json"`, "Source code (zip)", asset["digest"].(string)} {
		if one.status != http.StatusOK || !strings.Contains(one.body, want) {
			t.Fatalf("%d, without %q: %s", one.status, want, one.body)
		}
	}
	if strings.Contains(one.body, "<script>alert") {
		t.Error("notes run scripts")
	}
	page := strings.TrimPrefix(draft["html_url"].(string), ts.URL)
	if got := owner.get(page); got.status != http.StatusOK || !strings.Contains(got.body, "Draft") {
		t.Errorf("the draft: %d %s", got.status, got.body)
	}
	if got := reader.get(page); got.status != http.StatusNotFound {
		t.Errorf("a reader sees the draft: %d", got.status)
	}
	for path, want := range map[string]int{
		"/octo/hello/releases/latest": http.StatusFound, "/octo/hello/releases/latest/download/a.json": http.StatusFound,
		"/octo/hello/releases/download/v1/a/a.json": http.StatusFound, "/octo/hello/archive/refs/tags/v1/a.zip": http.StatusFound, "/octo/hello/archive/main.tar.gz": http.StatusFound,
		"/octo/hello/releases/download/v1/a/none": http.StatusNotFound, "/octo/hello/releases/download/a.json": http.StatusNotFound, "/octo/hello/releases/tag/none": http.StatusNotFound,
		"/octo/hello/archive/main": http.StatusNotFound, "/octo/hello/archive/none.zip": http.StatusNotFound, "/octo/none/releases": http.StatusNotFound,
	} {
		if got := reader.get(path); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
	ts.Want(ts.Do(http.MethodGet, servertest.API+"/repos/octo/hello/releases/"+fmt.Sprint(made["id"]), token, nil), http.StatusOK)
}
