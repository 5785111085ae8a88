package runners

import (
	"context"
	"crypto/rsa"
	"crypto/x509"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

// Register adds a runner with its public key, and sets its id and OAuth client. A
// name that its scope has is a Conflict. With replace the runner of that name is
// removed first, even if it holds a job: its key, session and tokens are worth
// nothing from then on. One of a repository whose organization does not allow that is
// Forbidden.
func (s *Runners) Register(ctx context.Context, r *actions.Runner, key *rsa.PublicKey, replace bool) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	r.Version, r.Labels = bounded(r.Version, maxWord), actions.CleanLabels(r.Labels)
	r.PublicKey, r.ClientID, r.CreatedAt = der, s.newID(), s.now()
	if err := r.Check(); err != nil {
		return err
	}
	if err := s.mayRegister(ctx, r.Scope); err != nil {
		return err
	}
	var replaced []*actions.Runner
	err = s.store.Update(ctx, func(tx *store.Tx) (err error) {
		replaced = nil
		if replace {
			if replaced, err = removeNamed(ctx, tx, r.Scope, r.Name); err != nil {
				return err
			}
		}
		return tx.CreateRunner(ctx, r)
	})
	if err != nil {
		return err
	}
	for _, old := range replaced {
		s.release(old.ID)
	}
	s.log.InfoContext(ctx, "runner registered", "runner", r.ID, "name", r.Name, "labels", len(r.Labels))
	return nil
}

// mayRegister is Forbidden for a repository that may have no runners of its own.
func (s *Runners) mayRegister(ctx context.Context, sc actions.Scope) error {
	if sc.RepoID == 0 {
		return nil
	}
	repo, err := s.store.Repository(ctx, sc.RepoID)
	if err != nil {
		return err
	}
	may, err := s.policy.OwnRunners().Includes(ctx, repo)
	if err == nil && !may {
		err = actions.Errorf(actions.Forbidden, "Repository level self-hosted runners are disabled on this repository")
	}
	return err
}

// removeNamed removes the runner of a name, of which a scope has one at most.
func removeNamed(ctx context.Context, tx *store.Tx, sc actions.Scope, name string) ([]*actions.Runner, error) {
	old, _, err := tx.Runners(ctx, sc, name, store.Page{Number: 1, Size: 1})
	if err != nil {
		return nil, err
	}
	for _, o := range old {
		if err := tx.DeleteRunner(ctx, o.ID); err != nil {
			return nil, err
		}
	}
	return old, nil
}

const keyBits = 2048

// JIT adds a runner for one job and returns its private key, which is kept
// nowhere (REG-4).
func (s *Runners) JIT(ctx context.Context, r *actions.Runner) (*rsa.PrivateKey, error) {
	r.Ephemeral, r.JIT, r.Labels = true, true, actions.CleanLabels(r.Labels)
	if err := r.Check(); err != nil { // before the work of making a key
		return nil, err
	}
	key, err := rsa.GenerateKey(s.random, keyBits)
	if err != nil {
		return nil, err
	}
	return key, s.Register(ctx, r, &key.PublicKey, false)
}
