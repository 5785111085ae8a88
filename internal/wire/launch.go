package wire

// ResolveActionsPath is the pattern of action resolution, at the root of the
// host and below no base.
const ResolveActionsPath = "/actions/build/{plan}/jobs/{job}/runnerresolve/actions"

// A ResolveActionsRequest asks where repository actions are.
type ResolveActionsRequest struct {
	Actions      []ActionRef `json:"actions"`
	Dependencies []string    `json:"actions_dependencies,omitempty"`
}

// An ActionRef names an action in a repository: octo/hello at v1, perhaps in a
// directory of it.
type ActionRef struct {
	Action  string `json:"action"`
	Version string `json:"version"`
	Path    string `json:"path,omitempty"`
}

// Key is the name under which the answer holds the action.
func (r ActionRef) Key() string { return r.Action + "@" + r.Version }

// A ResolveActionsResponse says where each action is, by [ActionRef.Key].
type ResolveActionsResponse struct {
	Actions map[string]ActionInfo `json:"actions"`
}

// An ActionInfo is where the archive of an action is. The archive has exactly
// one top-level directory.
type ActionInfo struct {
	Name           string                `json:"name"` // as asked
	ResolvedName   string                `json:"resolved_name"`
	ResolvedSHA    string                `json:"resolved_sha"`
	Version        string                `json:"version"`
	TarURL         string                `json:"tar_url"`
	ZipURL         string                `json:"zip_url"`
	Authentication *ActionAuthentication `json:"authentication,omitempty"`
}

// An ActionAuthentication is the token for the archive, when it is not the
// job's own.
type ActionAuthentication struct {
	Token     string `json:"token"`
	ExpiresAt Time   `json:"expires_at,omitzero"`
}

// A ResolveActionsError is the body of a 422: what is wrong with each action.
// It fails the job at once.
type ResolveActionsError struct {
	Errors map[string]ActionError `json:"errors"`
}

// An ActionError says why an action cannot be used.
type ActionError struct {
	Message string `json:"message"`
}
