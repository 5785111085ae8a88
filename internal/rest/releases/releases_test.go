package releases_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-github/v89/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const onRelease = `name: Release
on:
  release:
  create:
  push: {tags: ['**']}
jobs: {a: {runs-on: x, steps: [{run: exit 0}]}}
`

// happened are the events of the runs of Alice's repository since there were n of them, the
// oldest first.
func happened(s *resttest.Site, n int) (events string, newest *actions.Run) {
	s.Helper()
	runs := s.Runs(s.Repo)
	var list []string
	for _, run := range runs[:len(runs)-n] {
		name := run.Event
		if name == "release" {
			src, err := s.Store.RunSource(s.Context(), run.ID)
			s.Must(err)
			name = strings.SplitN(strings.SplitN(string(src.Payload), `"action":"`, 2)[1], `"`, 2)[0]
			newest = run
		}
		list = append([]string{name}, list...)
	}
	return strings.Join(list, " "), newest
}

func TestReleasesAreMadeChangedAndDeleted(t *testing.T) { // TRG-9
	resttest.Each(t, func(s *resttest.Site) {
		sha := s.Push(s.Repo, "main", map[string]string{".github/workflows/release.yml": onRelease})
		client := s.GoGitHub(s.AliceToken).Repositories
		seen := len(s.Runs(s.Repo))
		want := func(events string) *actions.Run {
			s.Helper()
			got, newest := happened(s, seen)
			if seen = len(s.Runs(s.Repo)); got != events {
				s.Errorf("events %q, want %q", got, events)
			}
			return newest
		}
		made, _, err := client.CreateRelease(s.Context(), "alice", "hello", github.CreateReleaseRequest{TagName: "v1.0/a", Name: new("First"), Body: new("news")})
		s.Must(err)
		if got := s.RunGit(s.TempDir(), "ls-remote", s.Remote(s.Repo, s.AliceToken), "refs/tags/v1.0/a"); !strings.HasPrefix(got, sha) {
			s.Errorf("the tag is %q, want %s", got, sha)
		}
		if made.TargetCommitish != "main" || made.GetAuthor().GetLogin() != "alice" || made.Draft || made.PublishedAt == nil ||
			made.HTMLURL != s.URL+"/alice/hello/releases/tag/v1.0/a" || made.UploadURL != fmt.Sprintf("%s/api/uploads/repos/alice/hello/releases/%d/assets{?name,label}", s.URL, made.ID) {
			s.Errorf("release %+v", made)
		}
		run := want("push create created published released")
		if run.Ref != "refs/tags/v1.0/a" || run.SHA != sha || run.Title != "First" {
			s.Errorf("run %+v", run)
		}
		for _, find := range []func() (*github.RepositoryRelease, *github.Response, error){
			func() (*github.RepositoryRelease, *github.Response, error) {
				return client.GetReleaseByTag(s.Context(), "alice", "hello", "v1.0/a")
			},
			func() (*github.RepositoryRelease, *github.Response, error) {
				return client.GetLatestRelease(s.Context(), "alice", "hello")
			},
			func() (*github.RepositoryRelease, *github.Response, error) {
				return client.GetRelease(s.Context(), "alice", "hello", made.ID)
			},
		} {
			is, _, err := find()
			s.Must(err)
			if is.ID != made.ID || is.GetBody() != "news" {
				s.Errorf("found %+v", is)
			}
		}
		edit := func(id int64, body resttest.Fields) {
			s.Helper()
			s.Want(s.Do(http.MethodPatch, s.Path("releases", id), s.AliceToken, body), http.StatusOK)
		}
		edit(made.ID, resttest.Fields{"name": "The first"})
		run = want("edited")
		src, err := s.Store.RunSource(s.Context(), run.ID)
		s.Must(err)
		if !strings.Contains(string(src.Payload), `"changes":{"name":{"from":"First"}}`) {
			s.Errorf("payload %s", src.Payload)
		}
		edit(made.ID, resttest.Fields{"prerelease": true})
		want("edited prereleased")
		s.Want(s.Get(s.Path("releases/latest")), http.StatusNotFound)
		edit(made.ID, resttest.Fields{"prerelease": false})
		want("edited released")
		edit(made.ID, resttest.Fields{"draft": true})
		want("unpublished")
		s.Want(s.Get(s.Path("releases/tags/v1.0/a")), http.StatusNotFound)
		edit(made.ID, resttest.Fields{"draft": true, "body": "x"})
		want("")
		edit(made.ID, resttest.Fields{"draft": false})
		want("published released")

		draft, _, err := client.CreateRelease(s.Context(), "alice", "hello", github.CreateReleaseRequest{TagName: "v2", Draft: new(true), Prerelease: new(true)})
		s.Must(err)
		if _, err := s.Git.View(s.Repo.ID).Ref("refs/tags/v2"); actions.KindOf(err) != actions.NotFound {
			s.Errorf("a draft has made a tag: %v", err)
		}
		want("")
		edit(draft.ID, resttest.Fields{"draft": false})
		want("push create published")
		_, err = client.DeleteRelease(s.Context(), "alice", "hello", draft.ID)
		s.Must(err)
		want("deleted")
		if _, err := s.Git.View(s.Repo.ID).Ref("refs/tags/v2"); err != nil {
			s.Errorf("the tag of a deleted release: %v", err)
		}
		byJob := s.JobToken(s.Repo, map[string]string{"contents": "write"})
		s.Want(s.Do(http.MethodPost, s.Path("releases"), byJob, resttest.Fields{"tag_name": "v3", "target_commitish": sha}), http.StatusCreated)
		want("")
	})
}

func TestDraftsAreSeenByThoseWhoMayPush(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"a": "b"})
	draft := s.Answer(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v1", "draft": true}), http.StatusCreated)
	id := int64(draft["id"].(float64))
	asset := s.Answer(s.Do(http.MethodPost, s.Path("releases", id, "assets?name=a"), s.AliceToken, resttest.Fields{"a": 1}), http.StatusCreated)
	bob := s.User("bob")
	s.Must(s.Store.SetCollaborator(t.Context(), s.Repo.ID, bob.ID, actions.Read))
	for who, c := range map[string]struct {
		token string
		sees  bool
	}{
		"Alice": {s.AliceToken, true}, "a reader": {s.Token(bob, "repo"), false},
		"a job that writes": {s.JobToken(s.Repo, map[string]string{"contents": "write"}), true}, "a job that reads": {s.JobToken(s.Repo, map[string]string{"contents": "read"}), false},
	} {
		status, n := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[c.sees], map[bool]int{true: 1}[c.sees]
		var list []any
		s.Want(s.Do(http.MethodGet, s.Path("releases"), c.token, nil), http.StatusOK).Into(s, &list)
		if len(list) != n {
			t.Errorf("%s sees %d releases, want %d", who, len(list), n)
		}
		for _, path := range []string{s.Path("releases", id), s.Path("releases", id, "assets"), s.Path("releases/assets", int64(asset["id"].(float64)))} {
			if a := s.Do(http.MethodGet, path, c.token, nil); a.StatusCode != status {
				t.Errorf("%s: %s answers %d, want %d", who, path, a.StatusCode, status)
			}
		}
	}
}

func TestTheLatestReleaseIsWhichSomebodySays(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		tree := s.Tree(s.Repo, s.AliceToken)
		first := tree.Commit("main", "", "first", map[string]string{"a": "1"})
		ids := map[string]int64{}
		make := func(tag, latest string) {
			s.Helper()
			body := resttest.Fields{"tag_name": tag, "target_commitish": first}
			if latest != "" {
				body["make_latest"] = latest
			}
			ids[tag] = int64(s.Answer(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, body), http.StatusCreated)["id"].(float64))
		}
		want := func(tag string) {
			s.Helper()
			if got := s.Answer(s.Get(s.Path("releases/latest")), http.StatusOK)["tag_name"]; got != tag {
				s.Errorf("latest is %v, want %s", got, tag)
			}
		}
		make("v1", "")
		make("v2", "")
		want("v2")
		make("v1.1", "false")
		want("v2")
		s.Want(s.Do(http.MethodPatch, s.Path("releases", ids["v1"]), s.AliceToken, resttest.Fields{"make_latest": "true"}), http.StatusOK)
		want("v1")
		s.Want(s.Do(http.MethodPatch, s.Path("releases", ids["v1"]), s.AliceToken, resttest.Fields{"prerelease": true}), http.StatusOK)
		want("v1.1")
		make("v3", "legacy")
		want("v3")
	})
}

func TestReleasesThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	s.Refused(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v1"}), http.StatusUnprocessableEntity, "Validation Failed")
	s.Push(s.Repo, "main", map[string]string{"a": "b"})
	s.Want(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v1"}), http.StatusCreated)
	for _, c := range []struct {
		body resttest.Fields
		want string
	}{
		{resttest.Fields{}, `"tag_name\" wasn't supplied`},
		{resttest.Fields{"tag_name": ""}, `"code":"missing_field","field":"tag_name"`},
		{resttest.Fields{"tag_name": "v1"}, `"resource":"Release","code":"already_exists","field":"tag_name"`},
		{resttest.Fields{"tag_name": "v1/x"}, `"field":"tag_name"`},
		{resttest.Fields{"tag_name": "-x"}, "tag_name is not well-formed"},
		{resttest.Fields{"tag_name": "a b"}, "tag_name is not well-formed"},
		{resttest.Fields{"tag_name": strings.Repeat("ab", 20)}, "tag_name is not well-formed"},
		{resttest.Fields{"tag_name": "v2", "target_commitish": "none"}, `"code":"invalid","field":"target_commitish"`},
		{resttest.Fields{"tag_name": "v2", "target_commitish": strings.Repeat("ab", 20)}, `"code":"invalid","field":"target_commitish"`},
		{resttest.Fields{"tag_name": "v2", "make_latest": "maybe"}, `"code":"invalid","field":"make_latest"`},
		{resttest.Fields{"tag_name": "v2", "name": strings.Repeat("x", 256)}, "name is too long"},
		{resttest.Fields{"tag_name": "v2", "body": strings.Repeat("x", 125_001)}, "body is too long (maximum is 125000 characters)"},
	} {
		a := s.Want(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, c.body), http.StatusUnprocessableEntity)
		if !strings.Contains(string(a.Text), c.want) {
			t.Errorf("%.60v: %s, want %s", c.body, a.Text, c.want)
		}
	}
	if _, err := s.Git.View(s.Repo.ID).Ref("refs/tags/v2"); actions.KindOf(err) != actions.NotFound {
		t.Errorf("a refused release has made a tag: %v", err)
	}
	s.Push(s.Repo, "hidden", map[string]string{".github/workflows/x.yml": resttest.HelloWorkflow})
	plain := s.Token(s.Alice, "repo")
	s.Want(s.Do(http.MethodPost, s.Path("releases"), plain, resttest.Fields{"tag_name": "v9", "target_commitish": "hidden"}), http.StatusCreated) // the branch has the file already
}

func TestAssetsAreUploadedAndDownloaded(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Push(s.Repo, "main", map[string]string{"a": "b"})
		client := s.GoGitHub(s.AliceToken).Repositories
		made, _, err := client.CreateRelease(s.Context(), "alice", "hello", github.CreateReleaseRequest{TagName: "v1"})
		s.Must(err)
		file := filepath.Join(s.TempDir(), "f")
		content := strings.Repeat("content\n", 100_000)
		s.Must(os.WriteFile(file, []byte(content), 0o600))
		upload := func(name, label string) (*github.ReleaseAsset, *github.Response, error) {
			f, err := os.Open(file)
			s.Must(err)
			defer f.Close()
			return client.UploadReleaseAsset(s.Context(), "alice", "hello", made.ID, &github.UploadOptions{Name: name, Label: label, MediaType: "text/html; charset=utf-8"}, f)
		}
		a, _, err := upload("über uns~1.html", "About us")
		s.Must(err)
		if a.GetName() != "default.ber.uns.1.html" || a.GetLabel() != "About us" || a.GetSize() != len(content) || a.GetContentType() != "text/html; charset=utf-8" || a.GetState() != "uploaded" || !strings.HasPrefix(a.GetDigest(), "sha256:") {
			s.Errorf("asset %+v", a)
		}
		if _, res, err := upload("über uns~1.html", ""); err == nil || res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(err.Error(), "already_exists") {
			s.Errorf("the same again: %v", err)
		}
		b, to, err := client.DownloadReleaseAsset(s.Context(), "alice", "hello", a.GetID(), s.Client)
		s.Must(err)
		got, err := io.ReadAll(b)
		s.Must(err)
		s.Must(b.Close())
		if string(got) != content || to != "" {
			s.Errorf("downloaded %d bytes", len(got))
		}
		res := s.Do(http.MethodGet, s.Path("releases/assets", a.GetID()), s.AliceToken, nil, "Accept: application/octet-stream")
		if at := res.Header.Get("Location"); res.StatusCode != http.StatusFound && res.StatusCode != http.StatusOK || res.StatusCode == http.StatusFound && !strings.Contains(at, "/_blobs/releases/") {
			s.Errorf("%d %s", res.StatusCode, at)
		}
		a, _, err = client.UpdateReleaseAsset(s.Context(), "alice", "hello", a.GetID(), github.UpdateReleaseAssetRequest{Name: new("about.html"), Label: new("")})
		s.Must(err)
		if a.GetName() != "about.html" || a.GetLabel() != "" || a.GetDownloadCount() != 2 {
			s.Errorf("asset %+v", a)
		}
		_, _, err = upload("more", "")
		s.Must(err)
		list, _, err := client.ListReleaseAssets(s.Context(), "alice", "hello", made.ID, nil)
		s.Must(err)
		is, _, err := client.GetLatestRelease(s.Context(), "alice", "hello")
		s.Must(err)
		if len(list) != 2 || len(is.Assets) != 2 || is.Assets[0].GetBrowserDownloadURL() != s.URL+"/alice/hello/releases/download/v1/about.html" {
			s.Errorf("assets %v", list)
		}
		stored, err := s.Store.ReleaseAsset(s.Context(), s.Repo.ID, a.GetID())
		s.Must(err)
		_, err = client.DeleteReleaseAsset(s.Context(), "alice", "hello", a.GetID())
		s.Must(err)
		if _, err := s.Objects.Open(s.Context(), stored.ObjectID); actions.KindOf(err) != actions.NotFound {
			s.Errorf("the bytes of a deleted asset: %v", err)
		}
		s.Want(s.Get(s.Path("releases/assets", a.GetID())), http.StatusNotFound)
		_, err = client.DeleteRelease(s.Context(), "alice", "hello", made.ID)
		s.Must(err)
		s.Want(s.Get(s.Path("releases/assets", list[1].GetID())), http.StatusNotFound)
	})
}

func TestAssetsThatCannotBeAreRefused(t *testing.T) {
	s := resttest.New(t)
	s.Push(s.Repo, "main", map[string]string{"a": "b"})
	id := int64(s.Answer(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v1"}), http.StatusCreated)["id"].(float64))
	for query, want := range map[string]string{
		"":                                  `"resource":"ReleaseAsset","code":"missing_field","field":"name"`,
		"?name=" + strings.Repeat("x", 256): "name is too long",
		"?name=a&label=a%0ab":               "control characters",
	} {
		a := s.Want(s.Do(http.MethodPost, s.Path("releases", id, "assets"+query), s.AliceToken, resttest.Fields{"a": 1}), http.StatusUnprocessableEntity)
		if !strings.Contains(string(a.Text), want) {
			t.Errorf("%s: %s, want %s", query, a.Text, want)
		}
	}
	a := s.Want(s.Do(http.MethodPost, s.Path("releases", id, "assets?name=a"), s.AliceToken, nil), http.StatusUnprocessableEntity)
	if !strings.Contains(string(a.Text), "size must be") {
		t.Errorf("no bytes: %s", a.Text)
	}
	s.Want(s.Do(http.MethodPost, s.Path("releases/999/assets?name=a"), s.AliceToken, resttest.Fields{"a": 1}), http.StatusNotFound)
	s.Want(s.Do(http.MethodPost, s.Path("releases", id, "assets?name=a"), s.JobToken(s.Repo, map[string]string{"contents": "read"}), resttest.Fields{"a": 1}), http.StatusForbidden)
}

func TestNotesTellOfPullRequestsSinceTheReleaseBefore(t *testing.T) {
	s := resttest.New(t)
	s.Asked()
	s.Want(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v1"}), http.StatusCreated)
	s.Want(s.Do(http.MethodPut, s.Path("pulls/1/merge"), s.AliceToken, nil), http.StatusOK)
	n, _, err := s.GoGitHub(s.AliceToken).Repositories.GenerateReleaseNotes(t.Context(), "alice", "hello", github.GenerateNotesRequest{TagName: "v2"})
	s.Must(err)
	want := "## What's Changed\n* A change by @alice in " + s.URL + "/alice/hello/pull/1\n\n## New Contributors\n* @alice made their first contribution in " +
		s.URL + "/alice/hello/pull/1\n\n**Full Changelog**: " + s.URL + "/alice/hello/compare/v1...v2"
	if n.Name != "v2" || n.Body != want {
		t.Errorf("notes %q, want %q", n.Body, want)
	}
	made := s.Answer(s.Do(http.MethodPost, s.Path("releases"), s.AliceToken, resttest.Fields{"tag_name": "v2", "body": "Hello", "generate_release_notes": true}), http.StatusCreated)
	if made["name"] != "v2" || made["body"] != "Hello\n\n"+want {
		t.Errorf("release %v", made)
	}
	s.Want(s.Do(http.MethodPost, s.Path("releases/generate-notes"), s.AliceToken, resttest.Fields{"tag_name": "v3", "previous_tag_name": "none"}), http.StatusUnprocessableEntity)
}
