package worker

import (
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/mask"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A state is what has happened in a job so far: how its steps have ended, and
// what they have set. Only the goroutine of [Run] uses it, except for status and
// mask, which have locks of their own.
type state struct {
	status status
	mask   mask.Masker // what must not be shown

	env   *expr.Object // variables of the workflow and the job, and those that steps added
	paths []string     // added by steps; the last one comes first in PATH

	// saved is what actions keep between their stages, by the key of the step.
	saved map[string]map[string]string

	subjects map[string]subject // that steps have declared, by name

	outputs        map[string]wire.Variable
	environmentURL string
}

func newState(m *wire.JobMessage) *state {
	s := &state{
		status:   status{result: wire.Succeeded},
		env:      expr.NewCaseSensitiveObject(),
		saved:    map[string]map[string]string{},
		subjects: map[string]subject{},
		outputs:  map[string]wire.Variable{},
	}
	HideSecrets(&s.mask, m)
	return s
}

// save keeps values of an action for its later stages.
func (s *state) save(step string, values []assignment) {
	if len(values) == 0 {
		return
	}
	saved := s.saved[step]
	if saved == nil {
		saved = map[string]string{}
		s.saved[step] = saved
	}
	for _, v := range values {
		saved[v.name] = v.value
	}
}

// addPaths adds paths behind the others. Each is there once, where it was added
// last.
func (s *state) addPaths(paths []string) {
	seen := make(map[string]bool, len(paths))
	var last []string
	for _, path := range slices.Backward(slices.Concat(s.paths, paths)) {
		if !seen[path] {
			seen[path] = true
			last = append(last, path)
		}
	}
	slices.Reverse(last)
	s.paths = last
}

// pathVariable is PATH with the paths that steps added before it, the last one
// first.
func (s *state) pathVariable(path string) string {
	all := slices.Clone(s.paths)
	slices.Reverse(all)
	if path != "" {
		all = append(all, path)
	}
	return strings.Join(all, ":")
}
