package settings

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// CheckSharing says why a repository cannot have a level.
func CheckSharing(repo *actions.Repository, v Sharing) error {
	switch {
	case !repo.Private:
		return actions.Errorf(actions.Invalid, "Access policy only applies to internal and private repositories.")
	case v == ShareUser && repo.Owner.Type != actions.User, v == ShareOrganization && repo.Owner.Type == actions.User:
		return actions.Errorf(actions.Invalid, "access_level cannot be %q: the owner %s is of another kind", string(v), repo.Owner.Login)
	}
	return nil
}

// MayUse says whether workflows of one repository may use the actions of another.
func (s *Settings) MayUse(ctx context.Context, workflows, of *actions.Repository) (bool, error) {
	if !of.Private || workflows.ID == of.ID {
		return true, nil
	}
	if !workflows.Private {
		return false, nil
	}
	level, err := Get(ctx, s, Repo(of), ActionsSharing)
	if err != nil {
		return false, err
	}
	switch level {
	case ShareUser, ShareOrganization: // which of them is the owner's kind
		return CheckSharing(of, level) == nil && workflows.Owner.ID == of.Owner.ID, nil
	case ShareEnterprise:
		return true, nil
	case ShareNone:
	}
	return false, nil
}
