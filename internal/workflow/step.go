package workflow

import (
	"github.com/understudy-ci/understudy/internal/expr"
)

// A Step is an entry of steps: a script or an action.
type Step struct {
	ID     string // context name: UserID, or generated and starting with "__" (YAML-7)
	UserID string // the id in the file, or empty
	Pos    Pos
	Name   *Token // nil: made from the script or action

	If       *expr.Expr // the effective condition, never nil (IF-1)
	IfSource string     // as in the file, empty if absent

	Run              *Token // the script, or nil
	Shell            *Token // of a script, or nil
	WorkingDirectory *Token // of a script, or nil

	Uses   string     // as in the file; empty for a script
	Action *ActionRef // what Uses means; nil for a script
	With   *Token     // mapping of inputs for an action, or nil

	Env             *Token // mapping, or nil
	TimeoutMinutes  *Token // nil: no limit
	ContinueOnError *Token // nil: false
}

// stepRules say what differs between steps of a job and of a composite action.
type stepRules struct {
	value, cond *expr.Scope
	composite   bool // CMP-1: a shell is required, timeout-minutes unknown
}

func workflowSteps() stepRules { return stepRules{value: stepScope(), cond: stepIfScope()} }

// steps reads a sequence of steps and gives each an id.
func (r *reader) steps(t *Token, rules stepRules) []*Step {
	if t.Kind != Sequence {
		r.misplaced(t)
		return nil
	}
	taken := make(ids, len(t.Items))
	steps := make([]*Step, 0, len(t.Items))
	for _, item := range t.Items {
		s := &Step{Pos: item.Pos}
		r.step(item, s, rules, taken)
		steps = append(steps, s)
	}
	next := make(map[string]int)
	for _, s := range steps {
		if s.UserID != "" {
			s.ID = s.UserID
			continue
		}
		base := "__run"
		if s.Action != nil {
			base = s.Action.idBase()
		}
		s.ID = taken.generate(base, next)
	}
	return steps
}

func (r *reader) step(t *Token, s *Step, rules stepRules, taken ids) {
	if t.Kind != Mapping {
		r.misplaced(t)
		return
	}
	if r.backgroundControl(t) {
		return
	}
	r.variant(t, r.stepFields(s, rules, taken), r.scriptFields(s, rules), r.actionFields(s, rules))
	if s.If == nil { // absent
		s.If, _ = r.condition(nil, rules.cond)
	}
}

// backgroundControl says whether t is one of the steps that control background steps,
// and records an error for it, since nothing here can run them yet.
func (r *reader) backgroundControl(t *Token) bool {
	if t.Get("run") != nil || t.Get("uses") != nil {
		return false
	}
	for _, key := range []string{"wait", "wait-all", "cancel", "parallel"} {
		if t.Get(key) != nil {
			r.errorf(t.Pos, "'%s' steps are not supported by this server", key)
			return true
		}
	}
	return false
}

// stepFields are the keys of every step.
func (r *reader) stepFields(s *Step, rules stepRules, taken ids) []field {
	fields := []field{
		optional("id", func(v *Token) { s.UserID = r.stepID(v, taken) }),
		optional("name", func(v *Token) { s.Name = text(r, v, rules.value) }),
		optional("if", func(v *Token) { s.If, s.IfSource = r.condition(v, rules.cond) }),
		optional("env", func(v *Token) { s.Env = mapOf(text)(r, v, rules.value) }),
		optional("continue-on-error", func(v *Token) { s.ContinueOnError = boolean(r, v, rules.value) }),
	}
	if rules.composite {
		return fields
	}
	return append(fields,
		optional("timeout-minutes", func(v *Token) { s.TimeoutMinutes = number(r, v, rules.value) }),
		optional("background", func(v *Token) {
			if r.flag(v) {
				r.errorf(v.Pos, "'background' steps are not supported by this server")
			}
		}),
	)
}

func (r *reader) scriptFields(s *Step, rules stepRules) []field {
	return []field{
		required("run", func(v *Token) { s.Run = text(r, v, rules.value) }),
		{"shell", rules.composite, func(v *Token) { s.Shell = nonEmpty(r, v, rules.value) }},
		optional("working-directory", func(v *Token) { s.WorkingDirectory = text(r, v, rules.value) }),
	}
}

func (r *reader) actionFields(s *Step, rules stepRules) []field {
	return []field{
		required("uses", func(v *Token) {
			if s.Uses = r.name(v); s.Uses == "" {
				return
			}
			ref, err := ParseActionRef(s.Uses)
			if err != nil {
				r.lateErrorf(v.Pos, "%v", err)
			}
			s.Action = ref
		}),
		optional("with", func(v *Token) { s.With = mapOf(text)(r, v, rules.value) }),
	}
}

func (r *reader) stepID(t *Token, taken ids) string {
	id := r.name(t)
	if id == "" {
		return ""
	}
	if msg := checkID(id, r.action); msg != "" {
		r.lateErrorf(t.Pos, "%s", msg)
		return ""
	}
	if !taken.add(id) {
		r.lateErrorf(t.Pos, "The identifier '%s' may not be used more than once within the same scope.", id)
	}
	return id
}
