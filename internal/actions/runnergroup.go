package actions

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// DefaultGroup is the runner group that every scope has: each has one of its own under
// this name and number.
const (
	DefaultGroup   = "Default"
	DefaultGroupID = 1
)

// A GroupVisibility is for whose repositories the runners of a group work.
type GroupVisibility string

// The visibilities. Of a group of the enterprise, selected means organizations, and
// private is not one.
const (
	GroupForAll      GroupVisibility = "all"
	GroupForPrivate  GroupVisibility = "private"
	GroupForSelected GroupVisibility = "selected"
)

// A RunnerGroup is runners of an organization, or of the enterprise, and what they may
// be used for.
type RunnerGroup struct {
	ID         int64 // [DefaultGroupID] for the default group of the scope
	Scope      Scope // never a repository
	Name       string
	Visibility GroupVisibility

	AllowsPublic bool     // public repositories, too
	Restricted   bool     // to jobs of Workflows
	Workflows    []string // OWNER/REPO/PATH@REF; they count while Restricted

	CreatedAt time.Time
}

// Default says whether it is the default group of its scope.
func (g *RunnerGroup) Default() bool { return g.ID == DefaultGroupID }

// Limits of runner groups.
const (
	maxGroupName = 64

	// MaxGroups is how many groups a scope has at most, besides the default one.
	MaxGroups = 1000

	// MaxSelectedWorkflows is how many workflows a group can be restricted to.
	MaxSelectedWorkflows = 100

	// MaxGroupWorkflows is how many characters of JSON all selected workflows of the
	// groups of a scope have at most: enough for 10 of each group.
	MaxGroupWorkflows = 1 << 20

	maxWorkflowRef = 1024
)

// Check says whether the group can be as it is.
func (g *RunnerGroup) Check() error {
	switch {
	case g.Name == "" || utf8.RuneCountInString(g.Name) > maxGroupName || strings.TrimSpace(g.Name) != g.Name ||
		strings.Contains(g.Name, "/") || strings.ContainsFunc(g.Name, unicode.IsControl) || !utf8.ValidString(g.Name):
		return Errorf(Invalid, "Runner group name must have 1 to %d characters, and no slash", maxGroupName)
	case !g.Default() && strings.EqualFold(g.Name, DefaultGroup):
		return Errorf(Conflict, "Runner group %s already exists", DefaultGroup)
	case g.Default() && g.Name != DefaultGroup:
		return Errorf(Invalid, "The default runner group cannot be renamed")
	}
	switch g.Visibility {
	case GroupForAll, GroupForSelected:
	case GroupForPrivate:
		if g.Scope.OwnerID == 0 {
			return Errorf(Invalid, "visibility is all or selected")
		}
	default:
		return Errorf(Invalid, "visibility is all, private or selected")
	}
	if len(g.Workflows) > MaxSelectedWorkflows {
		return Errorf(Invalid, "At most %d workflows can be selected", MaxSelectedWorkflows)
	}
	for _, w := range g.Workflows {
		if err := checkWorkflowRef(w); err != nil {
			return err
		}
	}
	return nil
}

// checkWorkflowRef says whether a text names a workflow at a ref.
func checkWorkflowRef(text string) error {
	file, ref, ok := strings.Cut(text, "@")
	parts := strings.SplitN(file, "/", 3)
	if !ok || ref == "" || len(parts) != 3 || slices.Contains(parts, "") || len(text) > maxWorkflowRef ||
		!utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return Errorf(Invalid, "selected_workflows: %.100q is not OWNER/REPO/PATH@REF", text)
	}
	return nil
}

// Work is what a runner group looks at to say whether its runners may do a job.
type Work struct {
	RepoID, OwnerID int64  // the repository, and who owns it
	Public          bool   // the repository is
	Repo            string // OWNER/REPO
	Path            string // of the workflow file
	Ref             string // full name of the ref whose file it is
	SHA             string // its commit
}

// WorkOf is what groups look at of the jobs of a run.
func WorkOf(repo *Repository, run *Run) Work {
	return Work{
		RepoID: repo.ID, OwnerID: repo.Owner.ID, Public: !repo.Private, Repo: repo.FullName(),
		Path: run.Path, Ref: run.Ref, SHA: run.SHA,
	}
}

// A WorkflowAt is a workflow of a repository that a group is restricted to. A job is of it
// if it is of its path, and has one of its refs, by their full names, or its commit.
type WorkflowAt struct {
	Path string
	Refs []string // the ref if it was given in full, else what it means as the name of a branch and of a tag; none with SHA
	SHA  string   // in lower case; empty unless the ref is a whole one
}

// at reads OWNER/REPO/PATH@REF, which [checkWorkflowRef] has accepted, and says whether it
// is of a repository.
func at(text, repo string) (WorkflowAt, bool) {
	file, ref, _ := strings.Cut(text, "@")
	if len(file) <= len(repo) || file[len(repo)] != '/' || !strings.EqualFold(file[:len(repo)], repo) {
		return WorkflowAt{}, false
	}
	w := WorkflowAt{Path: file[len(repo)+1:]}
	switch {
	case isCommit(ref):
		w.SHA = strings.ToLower(ref)
	case strings.HasPrefix(ref, "refs/"): // and not a branch whose own name begins with refs/heads/
		w.Refs = []string{ref}
	default:
		w.Refs = []string{BranchPrefix + ref, TagPrefix + ref}
	}
	return w, true
}

func isCommit(ref string) bool {
	return len(ref) == 40 && !strings.ContainsFunc(ref, func(c rune) bool { return !unicode.Is(unicode.ASCII_Hex_Digit, c) })
}

func (at *WorkflowAt) is(w *Work) bool {
	return at.Path == w.Path && (slices.Contains(at.Refs, w.Ref) || at.SHA != "" && at.SHA == w.SHA)
}

// An Access is what the runners of one group may be used for, with all that is needed to
// say so for a job. It is shared and does not change.
type Access struct {
	GroupID   int64   // [DefaultGroupID] for the default one, also for runners of a repository
	Scope     Scope   // of the group
	Name      string  // of the group
	Public    bool    // public repositories, too
	Repos     []int64 // sorted
	Orgs      []int64 // sorted
	Workflows []string

	// ByRepo and ByOrg say that Repos and Orgs are all for which it works; Restricted, that
	// Workflows are.
	ByRepo, ByOrg, Restricted bool
}

// Open says whether the group works for every job of its scope.
func (a *Access) Open() bool { return a.Public && !a.ByRepo && !a.ByOrg && !a.Restricted }

// Equal says whether both admit the same.
func (a *Access) Equal(b *Access) bool {
	return a.GroupID == b.GroupID && a.Scope == b.Scope && a.Name == b.Name && a.Public == b.Public &&
		a.ByRepo == b.ByRepo && a.ByOrg == b.ByOrg && a.Restricted == b.Restricted &&
		slices.Equal(a.Repos, b.Repos) && slices.Equal(a.Orgs, b.Orgs) && slices.Equal(a.Workflows, b.Workflows)
}

// Refusal says why the runners of the group may not do a job, in the end of a sentence
// about the group; empty if they may.
func (a *Access) Refusal(w *Work) string {
	switch {
	case w.Public && !a.Public:
		return "does not allow public repositories"
	case a.ByRepo && !has(a.Repos, w.RepoID):
		return "is for selected repositories, and this is none of them"
	case !a.For(w.OwnerID):
		return "is for selected organizations, and this repository is of none of them"
	case a.Restricted && !slices.ContainsFunc(a.Of(w.Repo), func(at WorkflowAt) bool { return at.is(w) }):
		return "is for selected workflows, and this is none of them"
	}
	return ""
}

// Of are the workflows of a repository, OWNER/REPO, that the group is restricted to.
func (a *Access) Of(repo string) (list []WorkflowAt) {
	for _, text := range a.Workflows {
		if w, is := at(text, repo); is {
			list = append(list, w)
		}
	}
	return list
}

// WorkflowRepositories are the repositories, OWNER/REPO in lower case, of which the group
// is restricted to workflows.
func (a *Access) WorkflowRepositories() (names []string) {
	for _, text := range a.Workflows {
		owner, rest, _ := strings.Cut(text, "/")
		name, _, _ := strings.Cut(rest, "/")
		names = append(names, strings.ToLower(owner+"/"+name))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func has(sorted []int64, id int64) bool {
	_, found := slices.BinarySearch(sorted, id)
	return found
}

// Lets says whether the group works for some jobs of a repository, whatever it is
// restricted to.
func (a *Access) Lets(repo *Repository) bool {
	any := *a
	any.Restricted = false
	return any.Admits(&Work{RepoID: repo.ID, OwnerID: repo.Owner.ID, Public: !repo.Private})
}

// For says whether the group works for an organization.
func (a *Access) For(orgID int64) bool { return !a.ByOrg || has(a.Orgs, orgID) }

// Admits says whether the runners of the group may do a job.
func (a *Access) Admits(w *Work) bool { return a.Refusal(w) == "" }

// Covers says whether it is the group that a runs-on names: by its name, in any case, or
// with org/ or ent/ before it for whose it is. A runs-on without a group means any.
func (a *Access) Covers(group string) bool {
	if group == "" {
		return true
	}
	owner, name := cutOwner(group)
	if !strings.EqualFold(name, a.Name) {
		return false
	}
	switch owner {
	case "org", "organization":
		return a.Scope.OwnerID != 0
	case "ent", "enterprise":
		return a.Scope == Scope{}
	}
	return true
}
