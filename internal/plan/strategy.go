package plan

import (
	"errors"
	"fmt"
	"math"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// A strategy is the evaluated `strategy` of a job.
type strategy struct {
	failFast     bool
	maxParallel  int // 0: no limit
	combinations []workflow.Combination
}

// parallel is how many of total rows may be in progress (MAT-5).
func (s *strategy) parallel(total int) int {
	if s.maxParallel > 0 {
		return s.maxParallel
	}
	return total
}

// strategy evaluates j's strategy. Without one there is one combination with
// no matrix.
func (g *graph) strategy(j *node) (*strategy, error) {
	s := &strategy{failFast: true, combinations: []workflow.Combination{{}}}
	if j.Strategy == nil {
		return s, nil
	}
	v, err := j.Strategy.Eval(g.environment(g.needsContexts(j), len(g.nodes)))
	if err == nil && v != nil {
		err = s.read(v)
	}
	if err != nil {
		return nil, g.failure(j, "strategy", j.Strategy.Pos, err)
	}
	return s, nil
}

func (s *strategy) read(v expr.Value) error {
	o, ok := v.(*expr.Object)
	if !ok {
		return errors.New("a mapping was expected")
	}
	for name, v := range o.All() {
		switch key(name) {
		case "fail-fast":
			b, ok := v.(bool)
			if !ok {
				return fmt.Errorf("unexpected value '%s' of 'fail-fast'", expr.String(v))
			}
			s.failFast = b
		case "max-parallel":
			n, ok := v.(float64)
			if !ok || math.IsNaN(n) {
				return fmt.Errorf("unexpected value '%s' of 'max-parallel'", expr.String(v))
			}
			s.maxParallel = int(min(max(n, 0), workflow.MaxCombinations))
		case "matrix":
			combinations, err := workflow.Combinations(v)
			if err != nil {
				return err
			}
			if len(combinations) > 0 { // else the job runs once, without a matrix
				s.combinations = combinations
			}
		default:
			return fmt.Errorf("unexpected value '%s'", name)
		}
	}
	return nil
}

// context is the strategy context of one combination (MAT-3).
func (s *strategy) context(index, total int) *expr.Object {
	return expr.NewObject().
		Set("fail-fast", s.failFast).
		Set("job-index", float64(index)).
		Set("job-total", float64(total)).
		Set("max-parallel", float64(s.parallel(total)))
}
