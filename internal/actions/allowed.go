package actions

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SelectedActions are which actions and reusable workflows workflows may use besides
// those of the owner of their repository, where [SomeActions] are allowed.
type SelectedActions struct {
	GitHub   bool     // those of the owners actions and github
	Verified bool     // those of the creators that the operator trusts
	Patterns []string // those that a pattern fits, and less those that one with a ! before it fits
}

// The limits of patterns. A policy is read as a whole whenever a run begins.
const (
	MaxPatterns     = 1000
	MaxPatternsSize = 64 << 10 // bytes of all of them
	maxPatternName  = 60       // characters of one that a message repeats
)

// Check says why the patterns cannot be.
func (s *SelectedActions) Check() error {
	size := 0
	for _, p := range s.Patterns {
		size += len(p)
		if bare := strings.TrimPrefix(p, "!"); bare == "" || strings.ContainsAny(bare, " \t\r\n,\x00") {
			return Errorf(Invalid, "patterns_allowed has %.50q, which is no pattern of names of actions", p)
		}
	}
	if len(s.Patterns) > MaxPatterns || size > MaxPatternsSize {
		return Errorf(Invalid, "patterns_allowed has %d patterns of %d bytes, and may have %d of %d bytes", len(s.Patterns), size, MaxPatterns, MaxPatternsSize)
	}
	return nil
}

// A Use is what a workflow or an action uses of another repository.
type Use struct {
	Name     string // "owner/repo/path@ref"
	Workflow bool   // a reusable workflow: it need not be named by a commit
}

// A Policy is which actions and reusable workflows the workflows of a
// repository may use.
type Policy struct {
	Repo     string // "owner/name"
	Allowed  AllowedActions
	Selected SelectedActions
	Verified []string // logins of the creators that the operator trusts
	Pinned   bool     // actions are named by full commits
}

// Refusal says in GitHub's words which of some uses are not allowed, and why; empty where
// all are. What is in the repository itself ("./…"), and images of containers
// ("docker://…"), always are, and are none of the uses.
func (p *Policy) Refusal(uses []Use) string {
	r := p.rules()
	var barred, loose []string
	seen := make(map[Use]bool)
	for _, u := range uses {
		if seen[u] {
			continue
		}
		seen[u] = true
		switch {
		case !r.allow(strings.ToLower(u.Name)):
			barred = append(barred, u.Name)
		case p.Pinned && !u.Workflow && !pinned.MatchString(u.Name):
			loose = append(loose, u.Name)
		}
	}
	switch {
	case len(barred) > 0:
		return p.sentence(barred, "must be "+p.sources())
	case len(loose) > 0:
		return p.sentence(loose, "must be pinned to a full-length commit SHA")
	}
	return ""
}

var pinned = regexp.MustCompile(`@[0-9a-fA-F]{40}$`)

// useRules are a policy in lower case, since names count in any case.
type useRules struct {
	all                bool
	owners             []string
	patterns, excluded []string
}

func (p *Policy) rules() useRules {
	mine, _, _ := strings.Cut(strings.ToLower(p.Repo), "/")
	r := useRules{all: p.Allowed == AllActions, owners: []string{mine}}
	if p.Allowed != SomeActions {
		return r
	}
	if p.Selected.GitHub {
		r.owners = append(r.owners, "actions", "github")
	}
	if p.Selected.Verified {
		for _, login := range p.Verified {
			r.owners = append(r.owners, strings.ToLower(login))
		}
	}
	for _, text := range p.Selected.Patterns {
		if bare, not := strings.CutPrefix(strings.ToLower(text), "!"); not {
			r.excluded = append(r.excluded, bare)
		} else {
			r.patterns = append(r.patterns, bare)
		}
	}
	return r
}

// allow says whether what is named in lower case may be used. What is excluded may not,
// whoever owns it.
func (r *useRules) allow(name string) bool {
	fits := func(pattern string) bool { return matches(pattern, name) }
	owner, _, _ := strings.Cut(name, "/")
	return !slices.ContainsFunc(r.excluded, fits) && (r.all || slices.Contains(r.owners, owner) || slices.ContainsFunc(r.patterns, fits))
}

// matches says whether a pattern fits all of a text. A star stands for any characters.
// What stands between two of them is taken where it is found first, so nothing is ever
// looked at again.
func matches(pattern, text string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	text, ok := strings.CutPrefix(text, first)
	if !ok {
		return false
	}
	for {
		var part string
		if part, rest, star = strings.Cut(rest, "*"); !star {
			return strings.HasSuffix(text, part)
		}
		if _, text, ok = strings.Cut(text, part); !ok {
			return false
		}
	}
}

// sources are where actions may come from.
func (p *Policy) sources() string {
	mine, _, _ := strings.Cut(p.Repo, "/")
	list := []string{"from a repository owned by " + mine}
	if p.Allowed == SomeActions {
		if p.Selected.GitHub {
			list = append(list, "created by GitHub")
		}
		if p.Selected.Verified {
			list = append(list, "verified in the GitHub Marketplace")
		}
		switch n := len(p.Selected.Patterns); n {
		case 0:
		case 1:
			list = append(list, "match the pattern: "+Clip(p.Selected.Patterns[0], maxPatternName))
		default:
			list = append(list, "match one of the patterns: "+some(p.Selected.Patterns, 20, ", "))
		}
	}
	return series(list, "or")
}

func (p *Policy) sentence(names []string, must string) string {
	const most = 5
	names = slices.Clone(names)
	for i := range names {
		names[i] = Clip(names[i], 200)
	}
	what, are := "The action ", " is"
	if len(names) > 1 {
		what, are = "The actions ", " are"
	}
	if more := len(names) - most; more > 0 {
		others := fmt.Sprintf("%d others", more)
		if more == 1 {
			others = "1 other"
		}
		names = append(names[:most], others)
	}
	return what + series(names, "and") + are + " not allowed in " + p.Repo + " because all actions " + must + "."
}

// some joins the first few texts.
func some(list []string, most int, between string) string {
	end := ""
	if len(list) > most {
		list, end = list[:most], "..."
	}
	short := make([]string, len(list))
	for i, s := range list {
		short[i] = Clip(s, maxPatternName)
	}
	return strings.Join(short, between) + end
}

// series is an English list: "a", "a or b", "a, b, or c".
func series(list []string, word string) string {
	switch n := len(list); n {
	case 1:
		return list[0]
	case 2:
		return list[0] + " " + word + " " + list[1]
	default:
		return strings.Join(list[:n-1], ", ") + ", " + word + " " + list[n-1]
	}
}
