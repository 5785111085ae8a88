package actions

// Repositories is for which of its repositories an organization allows something.
type Repositories string

// The repositories of an organization that something is for, in GitHub's words.
const (
	AllRepositories      Repositories = "all"
	NoRepositories       Repositories = "none"
	SelectedRepositories Repositories = "selected" // see [Selection]
)

// AllowedActions is which actions and reusable workflows workflows may use.
type AllowedActions string

// The policies, in GitHub's words.
const (
	AllActions   AllowedActions = "all"
	LocalActions AllowedActions = "local_only" // of the owner of the repository
	SomeActions  AllowedActions = "selected"   // also those that are selected
)
