package settings

import (
	"context"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/store"
)

// maxVarsSize is how many bytes of variables are remembered.
const maxVarsSize = 32 << 20

// A varsKey is all of a repository that decides which variables its runs have.
type varsKey struct {
	repoID, ownerID int64
	private         bool
}

// Vars is the context vars of the runs of a repository: by name the variable of the
// repository, else of its organization. It is shared, and the same one until somebody
// changes something.
func (s *Settings) Vars(ctx context.Context, r *actions.Repository) (*expr.Object, error) {
	key, revision := varsKey{r.ID, r.Owner.ID, r.Private}, s.store.Revision(store.SettingsTopic())
	if known, ok := s.vars.GetAt(key, revision); ok {
		return known, nil
	}
	list, err := s.store.RunVariables(ctx, r)
	if err != nil {
		return nil, err
	}
	const overhead = 100
	vars, size := expr.NewObject(), overhead
	for _, v := range withinLimit(list) {
		vars.Set(v.Name, v.Value)
		size += len(v.Name) + len(v.Value) + overhead
	}
	s.vars.PutAt(key, vars, size, revision)
	return vars, nil
}

// withinLimit drops what the limit on the size of all leaves out, and then those of the
// organization of which the repository has another. The repository's come first.
func withinLimit(list []*actions.Variable) []*actions.Variable {
	seen, out, size := make(map[string]bool, len(list)), make([]*actions.Variable, 0, len(list)), 0
	for _, v := range list {
		if size += len(v.Value); size > actions.MaxJobVariableBytes {
			break
		}
		if !seen[v.Name] {
			seen[v.Name] = true
			out = append(out, v)
		}
	}
	return out
}

// VarsIn is the context vars of a job that deploys to an environment: by name the
// variable of the environment, else the one in vars. Its run is planned with vars.
func (s *Settings) VarsIn(ctx context.Context, vars *expr.Object, environmentID int64) (*expr.Object, error) {
	list, err := s.store.EnvironmentVariables(ctx, environmentID)
	if err != nil || len(list) == 0 {
		return vars, err
	}
	own := expr.NewObject()
	for name, value := range vars.All() {
		own.Set(name, value)
	}
	for _, v := range list {
		own.Set(v.Name, v.Value)
	}
	return own, nil
}
