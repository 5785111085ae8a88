package actions

// A Selecting is what an organization selects repositories for.
type Selecting string

// What repositories are selected for.
const (
	SelectedForSecret      Selecting = "secret"
	SelectedForVariable    Selecting = "variable"
	SelectedForActions     Selecting = "actions"             // enabled_repositories of its Actions permissions
	SelectedForRunners     Selecting = "self-hosted-runners" // may have runners of their own
	SelectedForRunnerGroup Selecting = "runner-group"
)

// A Selection names a choice of repositories that an organization makes. Only its own
// repositories can be in it.
type Selection struct {
	For   Selecting
	OrgID int64
	Name  string // of the secret or the variable in upper case, or the id of the runner group; else empty
}

// MaxSelected is how many repositories can be selected by one request.
const MaxSelected = 10_000

// A SelectionChange is what a request does to a [Selection].
type SelectionChange struct {
	Set    []int64 // becomes the whole selection, unless it is nil
	Add    int64   // 0 for none
	Remove int64   // 0 for none
}
