package settings

import (
	"context"
	"fmt"

	"github.com/understudy-ci/understudy/internal/actions"
)

// OwnSubject is what a scope itself has chosen for the subjects of OIDC tokens.
func (s *Settings) OwnSubject(ctx context.Context, sc Scope) (actions.SubjectTemplate, error) {
	all, err := s.find(ctx, sc)
	if err != nil {
		return actions.SubjectTemplate{}, err
	}
	t, _, err := SubjectTemplate.decode(sc.own(), all)
	return t, err
}

// SubjectKeys is what the subjects of a repository's OIDC tokens are made of. What its
// organization has chosen counts where the repository takes it over, by not using the
// default and naming nothing itself.
func (s *Settings) SubjectKeys(ctx context.Context, repo *actions.Repository) ([]string, error) {
	t, err := s.OwnSubject(ctx, Repo(repo))
	switch {
	case err != nil:
		return nil, err
	case !t.Custom:
		return actions.DefaultSubject(), nil
	case len(t.Keys) > 0:
		return t.Keys, nil
	}
	return s.OrgSubjectKeys(ctx, &repo.Owner)
}

// OrgSubjectKeys is what an organization has chosen for its repositories, or the default.
func (s *Settings) OrgSubjectKeys(ctx context.Context, org *actions.Account) ([]string, error) {
	t, err := s.OwnSubject(ctx, Org(org))
	if err == nil && len(t.Keys) == 0 {
		return actions.DefaultSubject(), nil
	}
	return t.Keys, err
}

// SubjectPrefix is the part of a subject that names a repository: "repo:octo-org/octo-repo",
// or "repo:octo-org@12/octo-repo@34" where it is named by ids, too.
func (s *Settings) SubjectPrefix(ctx context.Context, repo *actions.Repository) (string, error) {
	immutable, err := Get(ctx, s, Repo(repo), ImmutableSubject)
	name := repo.FullName()
	if immutable {
		name = fmt.Sprintf("%s@%d/%s@%d", repo.Owner.Login, repo.Owner.ID, repo.Name, repo.ID)
	}
	return actions.SubjectRepo + ":" + name, err
}
