package settings

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Selected returns which actions are selected for a scope: those of the widest scope that
// restricts which are allowed.
func (s *Settings) Selected(ctx context.Context, sc Scope) (actions.SelectedActions, error) {
	all, err := s.find(ctx, sc)
	if err != nil {
		return actions.SelectedActions{}, err
	}
	at, err := restricts(sc, all)
	if err != nil {
		return actions.SelectedActions{}, err
	}
	v, _, err := SelectedActions.decode(at, all)
	return v, err
}

// restricts is the widest scope that does not allow all actions, or else sc itself.
func restricts(sc Scope, all found) (actions.Scope, error) {
	for _, up := range sc.above() {
		v, ok, err := AllowedActions.decode(up, all)
		if err != nil || ok && v != actions.AllActions {
			return up, err
		}
	}
	return sc.own(), nil
}

// Select changes which actions a scope selects. It is a Conflict where it does not allow
// just selected ones, and where a scope above it decides.
func Select(change func(*actions.SelectedActions)) Change {
	return Change{SelectedActions.name, SelectedActions.audit, func(s *Settings, sc Scope, all found) (string, error) {
		is, _, err := AllowedActions.in(s, sc, all)
		if err != nil {
			return "", err
		}
		if err := CheckSelecting(is); err != nil {
			return "", err
		}
		at, err := restricts(sc, all)
		if err != nil {
			return "", err
		}
		if at != sc.own() {
			return "", actions.Errorf(actions.Conflict, "the organization or the enterprise selects which actions are allowed")
		}
		v, _, err := SelectedActions.decode(at, all)
		if err != nil {
			return "", err
		}
		change(&v)
		return SelectedActions.encode(v, v)
	}}
}

// CheckSelecting is a Conflict where what is allowed is not what is selected.
func CheckSelecting(is actions.AllowedActions) error {
	if is == actions.SomeActions {
		return nil
	}
	return actions.Errorf(actions.Conflict, "allowed_actions is %s, not %s", is, actions.SomeActions)
}
