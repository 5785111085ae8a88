package rest_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v75/github"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestAnArtifactHasAllThatGitHubTellsOfOne(t *testing.T) {
	each(t, func(s *site) {
		run, _, art := s.dist("a.txt", "hello")
		got := s.want(s.get(s.path("actions/artifacts", art.ID)), http.StatusOK).json(s)
		url := s.url + "/api/v3/repos/alice/hello/actions/artifacts/" + strconv.FormatInt(art.ID, 10)
		at := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
		want := map[string]any{
			"id": float64(art.ID), "node_id": got["node_id"], "name": "dist", "size_in_bytes": float64(art.Size), "url": url, "archive_download_url": url + "/zip",
			"expired": false, "digest": art.Digest, "created_at": at(art.CreatedAt), "updated_at": at(art.UpdatedAt), "expires_at": at(art.ExpiresAt),
			"workflow_run": map[string]any{
				"id": float64(run.ID), "repository_id": float64(s.repo.ID), "head_repository_id": float64(s.repo.ID), "head_branch": run.HeadBranch, "head_sha": run.HeadSHA,
			},
		}
		if d := cmp.Diff(want, got); d != "" {
			s.Error(d)
		}
		if got["node_id"] == "" || !strings.HasPrefix(art.Digest, "sha256:") || art.ExpiresAt.Sub(art.CreatedAt) < 89*24*time.Hour {
			s.Errorf("got %v", got)
		}
		for _, path := range []string{s.path("actions/artifacts"), s.path("actions/runs", run.ID, "artifacts")} {
			for _, version := range []string{"2022-11-28", "2026-03-10"} {
				list := s.want(s.get(path, "X-GitHub-Api-Version: "+version), http.StatusOK).json(s)
				if d := cmp.Diff(map[string]any{"total_count": 1.0, "artifacts": []any{want}}, list); d != "" {
					s.Errorf("%s, %s: %s", path, version, d)
				}
			}
		}
	})
}

func TestListsOfArtifactsArePagedNamedAndOrdered(t *testing.T) {
	each(t, func(s *site) {
		run, j, first := s.dist("a", "b")
		const many = 260
		for i := range many - 1 {
			s.upload(j, fmt.Sprintf("part-%03d", i), "text/plain", []byte{byte(i)})
		}
		other := s.working(s.addRun(s.addWorkflow(s.repo, ".github/workflows/other.yml"), nil))
		last := s.upload(other, "dist", "", s.archive())
		for _, path := range []string{s.path("actions/artifacts"), s.path("actions/runs", run.ID, "artifacts")} {
			total := many
			if !strings.Contains(path, "runs") {
				total++
			}
			seen := map[float64]bool{}
			before := 1e18
			for next := path + "?per_page=100"; next != ""; {
				a := s.want(s.get(next), http.StatusOK)
				list := a.json(s)
				if list["total_count"] != float64(total) {
					s.Fatalf("%s: total %v", next, list["total_count"])
				}
				for _, v := range list["artifacts"].([]any) {
					id := v.(map[string]any)["id"].(float64)
					if seen[id] || id > before {
						s.Fatalf("%s: %v comes after %v", next, id, before)
					}
					seen[id], before = true, id
				}
				next = ""
				for link := range strings.SplitSeq(a.Header.Get("Link"), ", ") {
					if url, ok := strings.CutSuffix(link, `>; rel="next"`); ok {
						next = strings.TrimPrefix(url, "<")
					}
				}
			}
			if len(seen) != total {
				s.Errorf("%s: %d of %d", path, len(seen), total)
			}
		}
		ids := func(path string) (ids []int64) {
			for _, v := range s.want(s.get(path), http.StatusOK).json(s)["artifacts"].([]any) {
				ids = append(ids, int64(v.(map[string]any)["id"].(float64)))
			}
			return ids
		}
		inRun := s.path("actions/runs", run.ID, "artifacts")
		for path, want := range map[string][]int64{
			s.path("actions/artifacts?name=dist"):                   {last.ID, first.ID},
			s.path("actions/artifacts?name=Dist"):                   nil,
			s.path("actions/artifacts?name=dis"):                    nil,
			s.path("actions/artifacts?name=dist&per_page=1&page=2"): {first.ID},
			s.path("actions/artifacts?page=99"):                     nil,
			inRun + "?name=dist":                                    {first.ID},
			inRun + "?name=none":                                    nil,
			inRun + "?direction=asc&per_page=2":                     {first.ID, first.ID + 1},
			inRun + "?direction=desc&per_page=1":                    {first.ID + many - 1},
			inRun + "?direction=sideways&per_page=1&page=1":         {first.ID + many - 1},
			s.path("actions/artifacts?per_page=1&page=-1"):          {last.ID},
		} {
			if d := cmp.Diff(want, ids(path)); d != "" {
				s.Errorf("%s: %s", path, d)
			}
		}
		for query, want := range map[string]int{"per_page=0": 30, "per_page=x": 30, "per_page=1000": 100, "": 30} {
			if got := len(ids(inRun + "?" + query)); got != want {
				s.Errorf("%q: %d artifacts, want %d", query, got, want)
			}
		}
	})
}

// results.md §3.5: an attempt keeps the artifacts of earlier ones.
func TestTheListOfARunHasAllAttempts(t *testing.T) {
	s := newSite(t)
	run, j, first := s.dist("a", "b")
	second := s.addJob(run, func(n *actions.Job) {
		started(n)
		n.Attempt, n.Status, n.Conclusion, n.CompletedAt = j.Attempt+1, actions.InProgress, "", time.Time{}
	})
	s.must(s.store.Update(t.Context(), func(tx *store.Tx) error {
		return tx.CreateAttempt(t.Context(), &actions.Attempt{
			RunID: run.ID, Number: 2, PlanID: "p2", Triggering: run.Actor, Status: actions.InProgress, StartedAt: time.Now(),
		})
	}))
	again := s.upload(second, "dist", "", s.archive("a", "c"))
	if again.ID <= first.ID {
		t.Errorf("the later id is %d after %d", again.ID, first.ID)
	}
	list := s.get(s.path("actions/runs", run.ID, "artifacts?name=dist")).json(t)
	if list["total_count"] != 2.0 {
		t.Errorf("got %v", list)
	}
}

func TestAnArtifactIsDownloadedBehindARedirect(t *testing.T) {
	each(t, func(s *site) {
		_, _, art := s.dist("a", "b")
		path := s.path("actions/artifacts", art.ID, "zip")
		want := s.url + "/_blobs/artifacts/" + strconv.FormatInt(art.ID, 10)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			a := s.want(s.do(method, path, s.token, nil), http.StatusFound)
			if got := a.Header.Get("Location"); got != want {
				s.Errorf("%s leads to %s", method, got)
			}
		}
		for _, format := range []string{"tar.gz", "ZIP", "tar", "zip%00", "zip/x", ""} {
			if a := s.get(s.path("actions/artifacts", art.ID) + "/" + format); a.StatusCode != http.StatusNotFound {
				s.Errorf("format %q: %d", format, a.StatusCode)
			}
		}
		for _, id := range []string{"0", "-1", "x", "999999", "9223372036854775808", "1.0"} {
			for _, rest := range []string{"", "/zip", "/files", "/files/a"} {
				s.want(s.get(s.path("actions/artifacts", id)+rest), http.StatusNotFound)
			}
		}
	})
}

// Threat: an artifact is downloaded without signing in: lists of a public repository
// are for everybody, as on GitHub, and bytes are not. Tokens need their scope
// or permission for them, which lists of what is public do not.
func TestWhoHasNotSignedInMayNotDownload(t *testing.T) {
	s := newSite(t)
	run, _, art := s.dist("a", "b")
	s.want(s.do(http.MethodPatch, s.path(), s.token, fields{"private": false}), http.StatusOK)
	one := s.path("actions/artifacts", art.ID)
	for _, path := range []string{one, s.path("actions/artifacts"), s.path("actions/artifacts/usage"), s.path("actions/runs", run.ID, "artifacts")} {
		s.want(s.do(http.MethodGet, path, "", nil), http.StatusOK)
	}
	bob := s.account("bob", nil)
	reader := s.newToken(bob, "public_repo")
	for path, status := range map[string]int{one + "/zip": http.StatusFound, one + "/files": http.StatusOK, one + "/files/a": http.StatusOK} {
		for _, token := range []string{"", s.newToken(bob), s.newToken(s.alice, "read:org", "workflow")} {
			s.refused(s.do(http.MethodGet, path, token, nil), http.StatusForbidden, "You must have the actions scope to download artifacts.")
		}
		for _, token := range []string{reader, s.newToken(bob, "repo"), s.jobToken(s.repo, map[string]string{"actions": "read"})} {
			s.want(s.do(http.MethodGet, path, token, nil), status)
		}
		for _, permissions := range []map[string]string{{}, {"contents": "write"}} {
			s.refused(s.do(http.MethodGet, path, s.jobToken(s.repo, permissions), nil), http.StatusForbidden, "Resource not accessible by integration")
		}
	}
	s.refused(s.do(http.MethodDelete, one, reader, nil), http.StatusForbidden, "Must have admin rights to Repository.")
}

// Threat: listing or download with `permissions: {}` or from another repository.
func TestAJobNeedsThePermissionForArtifacts(t *testing.T) {
	s := newSite(t)
	_, _, art := s.dist("a", "b")
	one := s.path("actions/artifacts", art.ID)
	other := s.repository(s.alice, "other", true)
	paths := []string{s.path("actions/artifacts"), s.path("actions/artifacts/usage"), one, one + "/zip", one + "/files", one + "/files/a"}
	for token, status := range map[string]int{
		s.jobToken(s.repo, map[string]string{}):                    http.StatusForbidden,
		s.jobToken(s.repo, map[string]string{"contents": "write"}): http.StatusForbidden,
		s.jobToken(other, map[string]string{"actions": "write"}):   http.StatusNotFound,
	} {
		for _, path := range paths {
			s.want(s.do(http.MethodGet, path, token, nil), status)
		}
		s.want(s.do(http.MethodDelete, one, token, nil), status)
	}
	reads := s.jobToken(s.repo, map[string]string{"actions": "read"})
	for _, path := range paths {
		if a := s.do(http.MethodGet, path, reads, nil); a.StatusCode >= http.StatusBadRequest {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.text)
		}
	}
	s.refused(s.do(http.MethodDelete, one, reads, nil), http.StatusForbidden, "Resource not accessible by integration")
	s.want(s.do(http.MethodDelete, one, s.jobToken(s.repo, map[string]string{"actions": "write"}), nil), http.StatusNoContent)
}

// Threat: the id of another repository's artifact below one's own path.
func TestAnArtifactOfAnotherRepositoryIsNotFound(t *testing.T) {
	each(t, func(s *site) {
		run, _, art := s.dist("a", "b")
		bob := s.account("bob", nil)
		s.repository(bob, "own", true)
		token := s.newToken(bob, "repo")
		own := "/repos/bob/own/actions/"
		id := strconv.FormatInt(art.ID, 10)
		for _, path := range []string{"artifacts/" + id, "artifacts/" + id + "/zip", "artifacts/" + id + "/files", "artifacts/" + id + "/files/a", "runs/" + strconv.FormatInt(run.ID, 10) + "/artifacts"} {
			s.refused(s.do(http.MethodGet, own+path, token, nil), http.StatusNotFound, "Not Found")
		}
		s.want(s.do(http.MethodDelete, own+"artifacts/"+id, token, nil), http.StatusNotFound)
		s.want(s.get(s.path("actions/artifacts", art.ID)), http.StatusOK)
	})
}

// Threat: a deleted object: really gone, and no id is used again.
func TestADeletedArtifactIsGone(t *testing.T) {
	each(t, func(s *site) {
		_, j, art := s.dist("a", "b")
		one := s.path("actions/artifacts", art.ID)
		s.want(s.get(one), http.StatusOK)
		s.want(s.get(s.path("actions/artifacts")), http.StatusOK)
		if a := s.want(s.do(http.MethodDelete, one, s.token, nil), http.StatusNoContent); len(a.text) > 0 {
			s.Errorf("body %q", a.text)
		}
		for _, path := range []string{one, one + "/zip", one + "/files", one + "/files/a"} {
			s.want(s.get(path), http.StatusNotFound)
		}
		s.want(s.do(http.MethodDelete, one, s.token, nil), http.StatusNotFound)
		if got := s.get(s.path("actions/artifacts")).json(s); got["total_count"] != 0.0 {
			s.Errorf("still listed: %v", got)
		}
		if again := s.upload(j, "dist", "", s.archive()); again.ID <= art.ID {
			s.Errorf("id %d after %d", again.ID, art.ID)
		}
	})
}

// Threat: expired: 410, and an answer that was remembered does not outlive it.
func TestARememberedAnswerKnowsWhenAnArtifactExpires(t *testing.T) {
	each(t, func(s *site) {
		run, j, art := s.dist("a", "b")
		s.late.Store(int64(time.Hour))
		s.upload(j, "later", "text/plain", []byte("x"))
		s.late.Store(0)
		one := s.path("actions/artifacts", art.ID)
		lists := []string{s.path("actions/artifacts?direction=asc"), s.path("actions/runs", run.ID, "artifacts")}
		expired := func(want ...any) {
			s.Helper()
			for range 2 { // the second may be remembered
				for _, path := range lists {
					got := []any{}
					for _, v := range s.want(s.get(path), http.StatusOK).json(s)["artifacts"].([]any) {
						got = append(got, v.(map[string]any)["expired"])
					}
					if d := cmp.Diff(want, got); d != "" {
						s.Errorf("%s: %s", path, d)
					}
				}
				if got := s.get(one).json(s)["expired"]; got != want[len(want)-1] {
					s.Errorf("alone: %v", got)
				}
			}
		}
		expired(false, false)
		tag := s.get(one).Header.Get("ETag")
		s.want(s.get(one, "If-None-Match: "+tag), http.StatusNotModified)
		s.late.Store(int64(90*24*time.Hour + time.Minute))
		expired(false, true)
		s.want(s.get(one, "If-None-Match: "+tag), http.StatusOK)
		for _, path := range []string{one + "/zip", one + "/files", one + "/files/a"} {
			s.refused(s.get(path), http.StatusGone, "Artifact has expired")
		}
		s.want(s.do(http.MethodHead, one+"/zip", s.token, nil), http.StatusGone)
		s.late.Store(int64(91 * 24 * time.Hour))
		expired(true, true)
		s.must(s.artifacts.Sweep(s.Context()))
		expired(true, true)
		s.refused(s.get(one+"/zip"), http.StatusGone, "Artifact has expired")
		s.want(s.do(http.MethodDelete, one, s.token, nil), http.StatusNoContent)
		s.want(s.get(one+"/zip"), http.StatusNotFound)
	})
}

func TestUsageOfArtifacts(t *testing.T) {
	each(t, func(s *site) {
		path := s.path("actions/artifacts/usage")
		_, _, art := s.dist("a", "b")
		want := map[string]any{"full_name": "alice/hello", "active_artifacts_size_in_bytes": float64(art.Size), "total_count": 1.0, "quota_in_bytes": nil}
		if d := cmp.Diff(want, s.want(s.get(path), http.StatusOK).json(s)); d != "" {
			s.Error(d)
		}
		s.late.Store(int64(91 * 24 * time.Hour))
		s.must(s.artifacts.Sweep(s.Context()))
		want["active_artifacts_size_in_bytes"] = 0.0
		if d := cmp.Diff(want, s.want(s.get(path), http.StatusOK).json(s)); d != "" {
			s.Error(d)
		}
	})
}

func TestRetentionIsASettingOfTheRepository(t *testing.T) {
	each(t, func(s *site) {
		path := s.path("actions/permissions/artifact-and-log-retention")
		is := func(days, most float64) {
			s.Helper()
			if d := cmp.Diff(map[string]any{"days": days, "maximum_allowed_days": most}, s.want(s.get(path), http.StatusOK).json(s)); d != "" {
				s.Error(d)
			}
		}
		set := func(body any, status int) *reply {
			s.Helper()
			return s.want(s.do(http.MethodPut, path, s.token, body), status)
		}
		_, j, before := s.dist("a", "b")
		is(90, 400)
		set(fields{"days": 5}, http.StatusNoContent)
		is(5, 400)
		after := s.upload(j, "after", "text/plain", nil)
		if got := after.ExpiresAt.Sub(after.CreatedAt); got > 121*time.Hour || got < 119*time.Hour {
			s.Errorf("kept for %s", got)
		}
		if got := s.get(s.path("actions/artifacts", before.ID)).json(s)["expires_at"]; got != before.ExpiresAt.UTC().Format(time.RFC3339) {
			s.Errorf("what was there expires at %v, not %v", got, before.ExpiresAt)
		}
		for _, days := range []int{0, -1, 401, 1 << 40} {
			a := set(fields{"days": days}, http.StatusUnprocessableEntity).json(s)
			if a["message"] != "Validation Failed" || len(a["errors"].([]any)) != 1 {
				s.Errorf("%d days: %v", days, a)
			}
		}
		set(fields{}, http.StatusUnprocessableEntity)
		set(fields{"days": "many"}, http.StatusUnprocessableEntity)
		set(`{"days": `, http.StatusBadRequest)
		is(5, 400)
		set(fields{"days": 400}, http.StatusNoContent)
		s.want(s.do(http.MethodPatch, s.path(), s.token, fields{"private": false}), http.StatusOK)
		is(90, 90)
		writer := s.account("bob", nil)
		s.must(s.store.SetCollaborator(s.Context(), s.repo.ID, writer.ID, actions.Write))
		s.refused(s.do(http.MethodGet, path, s.newToken(writer, "repo"), nil), http.StatusForbidden, "Must have admin rights to Repository.")
		s.refused(s.do(http.MethodPut, path, s.newToken(writer, "repo"), fields{"days": 1}), http.StatusForbidden, "Must have admin rights to Repository.")
	})
}

func TestGoGitHubKnowsArtifacts(t *testing.T) {
	s := newSite(t)
	run, _, art := s.dist("a", "b")
	c := s.goGitHub(s.token)
	list, _, err := c.Actions.ListArtifacts(t.Context(), "alice", "hello", &github.ListArtifactsOptions{Name: new("dist")})
	if err != nil || list.GetTotalCount() != 1 || list.Artifacts[0].GetID() != art.ID {
		t.Errorf("list: %v, %v", list, err)
	}
	list, _, err = c.Actions.ListWorkflowRunArtifacts(t.Context(), "alice", "hello", run.ID, nil)
	if err != nil || list.GetTotalCount() != 1 {
		t.Errorf("list of the run: %v, %v", list, err)
	}
	one, _, err := c.Actions.GetArtifact(t.Context(), "alice", "hello", art.ID)
	if err != nil || one.GetDigest() != art.Digest || one.GetWorkflowRun().GetHeadSHA() != run.HeadSHA || one.GetExpired() {
		t.Errorf("one: %v, %v", one, err)
	}
	url, _, err := c.Actions.DownloadArtifact(t.Context(), "alice", "hello", art.ID, 1)
	if err != nil || url.Path != "/_blobs/artifacts/"+strconv.FormatInt(art.ID, 10) {
		t.Errorf("download: %v, %v", url, err)
	}
	if _, err := c.Actions.DeleteArtifact(t.Context(), "alice", "hello", art.ID); err != nil {
		t.Errorf("delete: %v", err)
	}
}
