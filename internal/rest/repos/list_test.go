package repos_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

func TestRepositoriesAreListedForThoseWhoMayReadThem(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		org, bob := s.Organization("octo", s.Alice), s.User("bob")
		s.Pass(time.Minute)
		s.Repository(org, "zebra", false)
		s.Pass(time.Minute)
		secret := s.Repository(org, "ape", true)
		s.Want(s.Do(http.MethodPatch, "/repos/octo/"+s.Repository(org, "inner", true).Name, s.AliceToken, resttest.Fields{"visibility": "internal"}), http.StatusOK)
		s.Repository(bob, "mine", true)
		s.Repository(bob, "open", false)
		s.Must(s.Store.SetMember(s.Context(), org.ID, bob.ID, false))
		s.Must(s.Store.SetCollaborator(s.Context(), s.Repo.ID, bob.ID, actions.Write))
		full, narrow := s.Token(bob, "repo"), s.Token(bob, "public_repo")
		fine := s.TokenAs(&actions.Token{AccountID: s.Alice.ID, Kind: actions.FineGrained, RepoID: secret.ID, Access: map[string]string{"contents": "read"}})
		job := s.JobToken(secret, map[string]string{"contents": "read"})
		for _, c := range []struct{ path, token, want string }{
			{"/orgs/octo/repos", "", "zebra"},
			{"/orgs/octo/repos", s.AliceToken, "inner ape zebra"},
			{"/orgs/octo/repos", full, "inner zebra"},
			{"/orgs/octo/repos", narrow, "zebra"},
			{"/orgs/octo/repos", fine, "ape zebra"},
			{"/orgs/octo/repos", job, "ape zebra"},
			{"/orgs/octo/repos?type=private", s.AliceToken, "inner ape"},
			{"/orgs/octo/repos?type=public", s.AliceToken, "zebra"},
			{"/orgs/octo/repos?type=internal", s.AliceToken, "inner"},
			{"/orgs/octo/repos?type=forks", s.AliceToken, ""},
			{"/orgs/octo/repos?type=sources&sort=full_name", s.AliceToken, "ape inner zebra"},
			{"/orgs/octo/repos?sort=full_name&direction=desc", s.AliceToken, "zebra inner ape"},
			{"/orgs/octo/repos?direction=asc&sort=created&type=none", s.AliceToken, "zebra ape inner"},
			{"/orgs/octo/repos?per_page=1&page=2", s.AliceToken, "ape"},
			{"/users/bob/repos", "", "open"},
			{"/users/bob/repos", full, "open"},
			{"/users/octo/repos", s.AliceToken, "zebra"},
			{"/users/alice/repos?type=all", "", ""},
			{"/user/repos", full, "hello mine open inner zebra"},
			{"/user/repos?type=owner", full, "mine open"},
			{"/user/repos?type=member", full, "hello inner zebra"},
			{"/user/repos?affiliation=collaborator", full, "hello"},
			{"/user/repos?affiliation=owner,collaborator&visibility=private", full, "hello mine"},
			{"/user/repos?visibility=public&sort=full_name&direction=desc", full, "zebra open"},
			{"/user/repos", narrow, "open zebra"},
			{"/user/repos?since=2999-01-01T00:00:00Z", full, ""},
			{"/user/repos?before=2999-01-01T00:00:00Z&affiliation=owner", full, "mine open"},
		} {
			for _, version := range bothVersions {
				var list []struct{ Name string }
				s.Want(s.Do(http.MethodGet, c.path, c.token, nil, "X-GitHub-Api-Version: "+version), http.StatusOK).Into(s, &list)
				var names []string
				for _, r := range list {
					names = append(names, r.Name)
				}
				if got := strings.Join(names, " "); got != c.want {
					s.Errorf("%s: %q, want %q", c.path, got, c.want)
				}
			}
		}
		if link := s.Do(http.MethodGet, "/orgs/octo/repos?per_page=1", s.AliceToken, nil).Header.Get("Link"); !strings.Contains(link, "page=3&per_page=1>; rel=\"last\"") {
			s.Errorf("link %q", link)
		}
		s.Want(s.Do(http.MethodGet, "/user/repos?type=all&visibility=all", full, nil), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodGet, "/user/repos?since=yesterday", full, nil), http.StatusUnprocessableEntity)
		s.Want(s.Do(http.MethodGet, "/user/repos", "", nil), http.StatusUnauthorized)
		s.Want(s.Do(http.MethodGet, "/orgs/alice/repos", full, nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodGet, "/users/nobody/repos", full, nil), http.StatusNotFound)
	})
}

func TestTopicsAreReplaced(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		names := func(a map[string]any) (list []string) {
			for _, n := range a["names"].([]any) {
				list = append(list, n.(string))
			}
			return list
		}
		if got := names(s.Want(s.Get(s.Path("topics")), http.StatusOK).JSON(s)); len(got) > 0 {
			s.Errorf("topics %q", got)
		}
		for _, c := range []struct{ set, want []string }{
			{[]string{"Go", "ci", "go", "actions-2"}, []string{"go", "ci", "actions-2"}},
			{[]string{"only"}, []string{"only"}},
			{[]string{}, nil},
		} {
			set := names(s.Want(s.Do(http.MethodPut, s.Path("topics"), s.AliceToken, resttest.Fields{"names": c.set}), http.StatusOK).JSON(s))
			got := names(s.Want(s.Get(s.Path("topics")), http.StatusOK).JSON(s))
			if !slices.Equal(set, c.want) || !slices.Equal(got, c.want) {
				s.Errorf("topics %q, then %q, want %q", set, got, c.want)
			}
			if all := s.Get(s.Path()).JSON(s)["topics"].([]any); len(all) != len(c.want) {
				s.Errorf("the repository has %v", all)
			}
		}
		var many []string
		for i := range 21 {
			many = append(many, "t"+strconv.Itoa(i))
		}
		for _, bad := range []resttest.Fields{{}, {"names": nil}, {"names": []string{"a b"}}, {"names": []string{""}}, {"names": []string{"-a"}}, {"names": []string{strings.Repeat("a", 51)}}, {"names": many}, {"names": "x"}} {
			s.Want(s.Do(http.MethodPut, s.Path("topics"), s.AliceToken, bad), http.StatusUnprocessableEntity)
		}
		s.Want(s.Do(http.MethodPut, s.Path("topics"), s.JobToken(s.Repo, map[string]string{"contents": "write"}), resttest.Fields{"names": []string{}}), http.StatusForbidden)
	})
}

func TestADeletedRepositoryIsGone(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		_, run := s.Pushed()
		s.Want(s.Do(http.MethodPatch, s.Path(), s.AliceToken, resttest.Fields{"archived": true}), http.StatusOK) // this does not keep it
		owner := s.Token(s.Alice, "repo", "delete_repo")
		s.Refused(s.Do(http.MethodDelete, s.Path(), s.AliceToken, nil), http.StatusForbidden, "Must have admin rights to Repository.") // no scope
		s.Want(s.Do(http.MethodDelete, s.Path(), s.Token(s.User("bob"), "repo", "delete_repo"), nil), http.StatusNotFound)
		s.Want(s.Do(http.MethodDelete, s.Path(), s.JobToken(s.Repo, map[string]string{"contents": "write"}), nil), http.StatusForbidden)
		s.Want(s.Do(http.MethodDelete, s.Path(), "", nil), http.StatusNotFound)
		if a := s.Want(s.Do(http.MethodDelete, s.Path(), owner, nil), http.StatusNoContent); len(a.Text) > 0 {
			s.Errorf("204 with %s", a.Text)
		}
		s.Want(s.Get(s.Path()), http.StatusNotFound)
		s.Want(s.Do(http.MethodDelete, s.Path(), owner, nil), http.StatusNotFound)
		if there, err := s.Git.Exists(s.Repo.ID); there || err != nil {
			s.Errorf("files are there: %t, %v", there, err)
		}
		if _, err := s.Store.Run(s.Context(), run.ID); actions.KindOf(err) != actions.NotFound {
			s.Errorf("run: %v", err)
		}
		if left, err := s.Store.DeletedRepositories(s.Context()); err != nil || len(left) > 0 {
			s.Errorf("files to remove of %v, %v", left, err)
		}
		made := s.Want(s.Do(http.MethodPost, "/user/repos", s.AliceToken, resttest.Fields{"name": "hello"}), http.StatusCreated).JSON(s)
		if made["id"] == float64(s.Repo.ID) {
			s.Errorf("another repository has the id")
		}
		s.Push(s.Repo, "main", map[string]string{"a": "b"}) // to the name
	})
}
