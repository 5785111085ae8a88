package expr

import (
	"slices"
	"strings"
)

// A Scope is what one part of a workflow file may name (CTX-1). Names match
// without case. The functions of the language itself are always allowed.
type Scope struct {
	Contexts  []string // github, env, …
	Functions []string // those of success, failure, cancelled, always and hashFiles that are allowed
	JobIDs    bool     // success and failure may take job ids as arguments (IF-3)
}

// context says whether the scope has the named context. A nil scope has all.
func (s *Scope) context(name string) bool {
	return s == nil || containsName(s.Contexts, name)
}

// function says whether the scope has the named special function and how many
// arguments it takes.
func (s *Scope) function(name string) (arity, bool) {
	if s != nil && !containsName(s.Functions, name) {
		return arity{}, false
	}
	switch strings.ToLower(name) {
	case "always", "cancelled":
		return arity{min: 0, max: 0}, true
	case "success", "failure":
		if s == nil || s.JobIDs {
			return arity{min: 0, max: maxArgs}, true
		}
		return arity{min: 0, max: 0}, true
	case "hashfiles":
		return arity{min: 1, max: maxArgs}, true
	}
	return arity{}, false
}

func containsName(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}
