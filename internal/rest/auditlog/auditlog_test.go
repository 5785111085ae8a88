package auditlog_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/rest/resttest"
)

const (
	site = "/enterprises/understudy/audit-log"
	octo = "/orgs/octo/audit-log"
)

// read returns the actions of the entries of an answer, and the entries.
func read(s *resttest.Site, path, token string) (all []string, entries []map[string]any, link string) {
	s.Helper()
	a := s.Want(s.Do(http.MethodGet, path, token, nil), http.StatusOK)
	a.Into(s, &entries)
	all = []string{}
	for _, e := range entries {
		all = append(all, e["action"].(string))
	}
	return all, entries, a.Header.Get("Link")
}

var relation = regexp.MustCompile(`<([^>]*)>; rel="(\w+)"`)

// linked are the paths of a Link header by relation.
func linked(link string) map[string]string {
	all := map[string]string{}
	for _, m := range relation.FindAllStringSubmatch(link, -1) {
		_, all[m[2]], _ = strings.Cut(m[1], "/api/v3")
	}
	return all
}

func TestTheLogIsReadByPagesInBothOrders(t *testing.T) {
	resttest.Each(t, func(s *resttest.Site) {
		s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, resttest.Fields{"login": "octo", "admin": "alice"}), http.StatusCreated)
		for _, name := range []string{"a", "b", "c"} {
			s.Want(s.Do(http.MethodPost, "/orgs/octo/repos", s.AdminToken, resttest.Fields{"name": name}), http.StatusCreated)
		}
		want := []string{"repo.create", "repo.create", "repo.create", "org.add_member", "org.create"}
		for order, first := range map[string]string{"desc": "octo/c", "asc": ""} {
			var got []string
			path, pages := octo+"?per_page=2&order="+order, []string{}
			for path != "" {
				some, entries, link := read(s, path, s.AdminToken)
				if len(pages) == 0 && first != "" && entries[0]["repo"] != first {
					s.Errorf("%s begins with %v", order, entries[0])
				}
				if back := linked(link)["prev"]; back != "" {
					again, _, _ := read(s, back, s.AdminToken)
					if d := cmp.Diff(got[len(got)-2:], again); d != "" {
						s.Errorf("%s: the page before is another: %s", order, d)
					}
				}
				got, pages = append(got, some...), append(pages, path)
				path = linked(link)["next"]
			}
			if order == "asc" {
				for i, j := 0, len(got)-1; i < j; i, j = i+1, j-1 {
					got[i], got[j] = got[j], got[i]
				}
			}
			if d := cmp.Diff(want, got); d != "" || len(pages) != 3 {
				s.Errorf("%s: %d pages, %s", order, len(pages), d)
			}
		}
		if all, _, _ := read(s, site+"?phrase=action:org.create+actor:admin", s.AdminToken); len(all) != 1 {
			s.Errorf("a phrase finds %v", all)
		}
		if all, _, _ := read(s, site+"?include=git", s.AdminToken); len(all) != 0 {
			s.Errorf("events of git: %v", all)
		}
	})
}

func TestTheLogIsForOwnersAndAdmins(t *testing.T) {
	s := resttest.New(t)
	bob, mona := s.User("bob"), s.User("mona")
	org := s.Organization("octo", s.Alice)
	s.Must(s.Store.SetMember(s.Context(), org.ID, bob.ID, false))
	s.Organization("other", mona)
	reader, unscoped := s.Token(s.Alice, "read:audit_log"), s.Token(s.Alice, "repo")
	all, _, _ := read(s, octo, reader)
	if d := cmp.Diff([]string{"org.add_member", "org.add_member", "org.create"}, all); d != "" {
		t.Error(d)
	}
	for _, token := range []string{unscoped, s.Token(bob, "admin:org"), s.Token(mona, "admin:org"), s.JobToken(s.Repo, nil)} {
		s.Want(s.Do(http.MethodGet, octo, token, nil), http.StatusForbidden)
	}
	s.Want(s.Do(http.MethodGet, octo, "", nil), http.StatusUnauthorized)
	for _, token := range []string{reader, s.Token(s.Admin, "repo")} {
		s.Want(s.Do(http.MethodGet, site, token, nil), http.StatusNotFound)
	}
	s.Want(s.Do(http.MethodGet, site, s.Token(s.Admin, "read:audit_log"), nil), http.StatusOK)
}

func TestOwnersDoNotLearnAddresses(t *testing.T) {
	s := resttest.New(t)
	s.Want(s.Do(http.MethodPost, "/admin/organizations", s.AdminToken, resttest.Fields{"login": "octo", "admin": "alice"}), http.StatusCreated)
	_, entries, _ := read(s, site+"?phrase=action:org.create", s.AdminToken)
	if len(entries) != 1 || entries[0]["actor"] != "admin" || entries[0]["actor_ip"] == nil {
		t.Errorf("admins see %v", entries)
	}
	owner := s.Token(s.Alice, "admin:org")
	_, entries, _ = read(s, octo+"?phrase=action:org.create", owner)
	if len(entries) != 1 || entries[0]["actor"] != "admin" || entries[0]["actor_ip"] != nil {
		t.Errorf("owners see %v", entries)
	}
	for _, phrase := range []string{"actor_ip:127.0.0.1", "-actor_ip:127.0.0.1"} {
		s.Want(s.Do(http.MethodGet, octo+"?phrase="+phrase, owner, nil), http.StatusForbidden)
	}
}

func TestWhatCannotBeAskedOfTheLogIsRefused(t *testing.T) {
	s := resttest.New(t)
	for _, query := range []string{"phrase=word", "order=up", "include=mail", "after=x", "before=LTE", "after=MQ&before=Mg", "page=2"} {
		s.Want(s.Do(http.MethodGet, site+"?"+query, s.AdminToken, nil), http.StatusUnprocessableEntity)
	}
}
