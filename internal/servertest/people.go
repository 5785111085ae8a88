package servertest

import (
	"github.com/understudy-ci/understudy/internal/actions"
)

// User makes the account of a person.
func (s *Site) User(login string) *actions.Account {
	s.Helper()
	return s.Account(&actions.Account{Login: login, Type: actions.User})
}

// Organization makes an organization with the given owners.
func (s *Site) Organization(login string, owners ...*actions.Account) *actions.Account {
	s.Helper()
	org := s.Account(&actions.Account{Login: login, Type: actions.Organization})
	for _, o := range owners {
		s.Must(s.Store.SetMember(s.Context(), org.ID, o.ID, true))
	}
	return org
}

// Account makes an account as given; the times are set.
func (s *Site) Account(a *actions.Account) *actions.Account {
	s.Helper()
	a.CreatedAt, a.UpdatedAt = s.Now(), s.Now()
	s.Must(s.Store.CreateAccount(s.Context(), a))
	return a
}

// Token makes a classic token of an account.
func (s *Site) Token(a *actions.Account, scopes ...string) string {
	s.Helper()
	return s.TokenAs(&actions.Token{AccountID: a.ID, Kind: actions.Classic, Scopes: scopes})
}

// JobToken makes a GITHUB_TOKEN with the given permissions, of a job that need
// not exist.
func (s *Site) JobToken(repo *actions.Repository, jobID int64, access map[string]string) string {
	s.Helper()
	return s.TokenAs(&actions.Token{AccountID: s.Admin.ID, Kind: actions.JobToken, RepoID: repo.ID, JobID: jobID, Access: access})
}

// TokenAs makes a token as given and returns its text.
func (s *Site) TokenAs(t *actions.Token) string {
	s.Helper()
	text, err := s.Auth.Create(s.Context(), t)
	s.Must(err)
	return text
}

// Repository makes an empty repository whose default branch is main.
func (s *Site) Repository(owner *actions.Account, name string, private bool) *actions.Repository {
	s.Helper()
	r := &actions.Repository{Owner: *owner, Name: name, Private: private, DefaultBranch: "main", CreatedAt: s.Now(), UpdatedAt: s.Now()}
	s.Must(s.Store.CreateRepository(s.Context(), r))
	s.Must(s.Git.Create(s.Context(), r.ID, r.DefaultBranch))
	return r
}
