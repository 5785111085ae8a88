package workflow

import (
	"slices"
	"strings"
)

// A Level is what a job token may do in one scope.
type Level string

// The levels, lowest first.
const (
	None  Level = "none"
	Read  Level = "read"
	Write Level = "write"
)

// Permissions are what `permissions` grants to the job token (PRM-2).
type Permissions struct {
	all   Level // for scopes that are not named
	named map[string]Level
}

// ReadAll is the short form `read-all`.
func ReadAll() *Permissions { return &Permissions{all: Read} }

// WriteAll is the short form `write-all`.
func WriteAll() *Permissions { return &Permissions{all: Write} }

// Level returns the level of one scope. Metadata is readable always.
func (p *Permissions) Level(scope string) Level {
	if scope == "metadata" {
		return Read
	}
	l, ok := p.named[scope]
	if !ok {
		l = p.all
	}
	highest, readable := scopeLevels(scope)
	switch {
	case l == Write && highest == Read:
		return Read
	case l == Read && !readable, l == "", highest == "":
		return None
	}
	return l
}

// Grants returns the level of every scope that has one above none, metadata
// included.
func (p *Permissions) Grants() map[string]Level {
	grants := map[string]Level{"metadata": Read}
	for _, s := range PermissionScopes() {
		if l := p.Level(s); l != None {
			grants[s] = l
		}
	}
	return grants
}

// PermissionScopes are the names that `permissions` may have (PRM-3).
func PermissionScopes() []string {
	return strings.Fields(`actions artifact-metadata attestations checks code-quality contents copilot-requests
		deployments discussions drives id-token issues models packages pages pull-requests repository-projects
		security-events statuses vulnerability-alerts`)
}

// scopeLevels gives the highest level of a scope, empty for an unknown one,
// and whether it has a read level.
func scopeLevels(scope string) (highest Level, readable bool) {
	switch scope {
	case "models", "vulnerability-alerts":
		return Read, true
	case "id-token", "copilot-requests":
		return Write, false
	}
	if slices.Contains(PermissionScopes(), scope) {
		return Write, true
	}
	return "", false
}

// permissions reads read-all, write-all, or a mapping of levels.
func (r *reader) permissions(t *Token) *Permissions {
	if t.Kind != Mapping {
		if r.constant(t, "read-all", "write-all") == "write-all" {
			return WriteAll()
		}
		return ReadAll()
	}
	p := &Permissions{all: None, named: make(map[string]Level, len(t.Pairs))}
	for key, value := range r.pairs(t) {
		highest, readable := scopeLevels(key.Str)
		if highest == "" {
			r.unexpected(key)
			continue
		}
		levels := []string{string(None)}
		if readable {
			levels = append(levels, string(Read))
		}
		if highest == Write {
			levels = append(levels, string(Write))
		}
		p.named[key.Str] = Level(r.constant(value, levels...))
	}
	return p
}
