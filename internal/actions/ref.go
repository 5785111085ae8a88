package actions

import "strings"

// What the full names of refs begin with: of branches, of tags, and of what the
// server keeps for a pull request.
const (
	BranchPrefix = "refs/heads/"
	TagPrefix    = "refs/tags/"
	PullPrefix   = "refs/pull/"
)

// ShortRef is the name of a branch or tag as people say it: "main" for
// "refs/heads/main", "v1" for "refs/tags/v1". Of a pull request's ref it is
// "5/merge".
func ShortRef(ref string) string {
	for _, prefix := range []string{BranchPrefix, TagPrefix, PullPrefix} {
		if name, ok := strings.CutPrefix(ref, prefix); ok {
			return name
		}
	}
	return ref
}

// IsFullRef says whether ref is the full name of a branch or tag.
func IsFullRef(ref string) bool {
	return strings.HasPrefix(ref, BranchPrefix) || strings.HasPrefix(ref, TagPrefix)
}

// WorkflowDir is the directory of a repository that its workflow files are in.
const WorkflowDir = ".github/workflows"

// WorkflowPath is the path of the workflow file of that name.
func WorkflowPath(file string) string { return WorkflowDir + "/" + file }
