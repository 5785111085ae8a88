package worker

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/expr"
)

// steps is the list of the steps of a job: pre and main steps in the order of
// the workflow, then the post steps that those register, in reverse.
type steps struct {
	records *records
	scope   *scope

	posts      []*post                 // of the job, in the order in which they were registered
	inner      map[string][]*post      // of composite actions, by the key of the step that uses one
	registered map[string]bool         // steps that have a post, by key
	kept       map[string]*expr.Object // contexts "steps" of composite actions for their post stages, by key
}

// A scope is what the steps of one list share: those of the job, or those of
// one composite action (CMP-2).
type scope struct {
	steps     *expr.Object // context "steps"
	inputs    expr.Value   // context "inputs"
	composite *composite   // nil for the job
	depth     int          // composite actions around
}

// A try says which step to run, and where. The step is skipped if its condition
// does not hold.
type try struct {
	scope  *scope
	step   *step
	stage  stage
	cond   *expr.Expr // nil: always
	record *record
	limit  context.Context // ends at the time limits of the steps around this one
}

// A post is the part of a step that runs after the main steps of the job.
type post struct {
	step   *step
	cond   *expr.Expr // nil: always
	record *record    // nil inside of a composite action
}

func newSteps(r *records, inputs expr.Value) *steps {
	return &steps{
		records:    r,
		scope:      &scope{steps: expr.NewObject(), inputs: inputs},
		inner:      map[string][]*post{},
		registered: map[string]bool{},
		kept:       map[string]*expr.Object{},
	}
}

// inside is the context "steps" of the composite action that a step uses. What
// the main stage has put there its post stage sees; the pre stage has its own.
func (s *steps) inside(key string, st stage) *expr.Object {
	known, ok := s.kept[key]
	if st == postStage && ok {
		return known
	}
	known = expr.NewObject()
	if st == mainStage {
		s.kept[key] = known
	}
	return known
}

// plan makes the records of the main steps, and of the pre steps before them.
// It returns all of them in order. The names see the expressions of
// env; those that cannot be evaluated are reported to rec.
func (s *steps) plan(limit context.Context, rec *record, list []*step, used *actions, env *expr.Env) []try {
	var tries []try
	for _, st := range list {
		var err error
		if st.shown, st.named, err = st.title(env); err != nil {
			st.failToName(rec, err)
		}
	}
	for _, st := range list {
		if elsewhere(st.ref) && used.hasPre(st) {
			rec := s.records.next(uuid.NewString(), "Pre "+st.shown)
			tries = append(tries, try{s.scope, st, preStage, used.preCondition(st), rec, limit})
		}
	}
	for _, st := range list {
		rec := s.records.next(st.key, st.shown)
		tries = append(tries, try{s.scope, st, mainStage, st.cond, rec, limit})
	}
	return tries
}

// register notes that a step has a post. It reports whether that is new.
func (s *steps) register(key string) bool {
	if s.registered[key] {
		return false
	}
	s.registered[key] = true
	return true
}

// addPost adds the post of a step of the job.
func (s *steps) addPost(p *post, name string) {
	p.record = s.records.post(uuid.NewString(), name)
	s.posts = append(s.posts, p)
	p.record.announce()
}

// addInnerPost adds the post of a step of a composite action.
func (s *steps) addInnerPost(p *post) {
	s.inner[p.step.parent] = append(s.inner[p.step.parent], p)
}

// postTries are the post steps of the job in their order: the one that was
// registered last runs first (RUN-6).
func (s *steps) postTries(limit context.Context) []try {
	var tries []try
	for _, p := range slices.Backward(s.posts) {
		tries = append(tries, try{s.scope, p.step, postStage, p.cond, p.record, limit})
	}
	return tries
}

// innerPostTries are the post steps inside of the composite action that a step
// uses.
func (s *steps) innerPostTries(limit context.Context, key string, sc *scope, rec *record) []try {
	var tries []try
	for _, p := range slices.Backward(s.inner[key]) {
		tries = append(tries, try{sc, p.step, postStage, p.cond, rec, limit})
	}
	return tries
}
