package workflow

import (
	"fmt"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A RefKind says where an action comes from.
type RefKind int

// The kinds of action reference (YAML-9).
const (
	Repository     RefKind = iota // owner/repo[/path]@ref
	Local                         // ./path, in the workspace
	SelfRepository                // $/path, in the repository of the file with the reference
	Docker                        // docker://image
)

// An ActionRef is what a step's `uses` refers to.
type ActionRef struct {
	Kind  RefKind
	Name  string // owner/repo of a Repository
	Path  string // directory in the repository, empty for its root; of Local with the leading ./
	Ref   string // branch, tag or commit of a Repository
	Image string // of Docker, without docker://; empty is refused when the step starts
}

// ParseActionRef reads the value of a step's `uses`.
func ParseActionRef(uses string) (*ActionRef, error) {
	if image, ok := strings.CutPrefix(uses, dockerScheme); ok {
		return &ActionRef{Kind: Docker, Image: image}, nil
	}
	if strings.HasPrefix(uses, "./") || strings.HasPrefix(uses, `.\`) {
		return &ActionRef{Kind: Local, Path: uses}, nil
	}
	if path, ok := strings.CutPrefix(uses, "$/"); ok {
		if strings.Contains(path, "@") || !plainPath(strings.Split(path, "/")) {
			return nil, fmt.Errorf("Expected format $/path, without a ref. Actual '%s'", uses) //nolint:staticcheck // GitHub's text
		}
		return &ActionRef{Kind: SelfRepository, Path: path}, nil
	}
	name, ref, _ := strings.Cut(uses, "@")
	parts := strings.FieldsFunc(name, func(c rune) bool { return c == '/' || c == '\\' })
	if len(parts) < 2 || ref == "" || strings.Contains(ref, "@") || !plainPath(parts) || strings.HasPrefix(name, "/") {
		return nil, fmt.Errorf("Expected format {org}/{repo}[/path]@ref. Actual '%s'", uses) //nolint:staticcheck // as above
	}
	return &ActionRef{
		Kind: Repository,
		Name: parts[0] + "/" + parts[1],
		Path: strings.Join(parts[2:], "/"),
		Ref:  ref,
	}, nil
}

// plainPath says whether no part of a path is "." or "..".
func plainPath(parts []string) bool {
	return !slices.Contains(parts, "..") && !slices.Contains(parts, ".")
}

// idBase is what the id of a step without one is made from (YAML-7).
func (a *ActionRef) idBase() string {
	switch a.Kind {
	case Local:
		return "__self"
	case SelfRepository:
		return "__selfRepository"
	case Docker:
		if a.Image != "" {
			return "__" + a.Image
		}
		return "__run"
	case Repository:
	}
	return "__" + a.Name
}

// workflowRef checks a reference to a reusable workflow (REU-1).
func (r *reader) workflowRef(t *Token) string {
	s := r.name(t)
	if s == "" {
		return ""
	}
	const dir = actions.WorkflowDir + "/"
	path, ok := strings.CutPrefix(s, "./"+dir)
	if !ok {
		path, ok = strings.CutPrefix(s, "$/"+dir)
	}
	if !ok {
		if ref, err := ParseActionRef(s); err == nil && ref.Kind == Repository {
			path, ok = strings.CutPrefix(ref.Path, dir)
		}
	} else if strings.Contains(path, "@") {
		ok = false
	}
	if !ok || strings.Contains(path, "/") || !strings.HasSuffix(path, ".yml") && !strings.HasSuffix(path, ".yaml") {
		r.errorf(t.Pos, "Invalid workflow reference '%s': expected owner/repo/%[2]sfile.yml@ref or ./%[2]sfile.yml", s, dir)
	}
	return s
}
