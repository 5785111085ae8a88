package wire

// Paths of registration below the API base, where the scope is one of
// repos/{owner}/{repo}, orgs/{org} and enterprises/{slug}.
const (
	RegistrationPath = "actions/runner-registration"
	RegisterPath     = "actions/runners/register"
)

// Values of [RegistrationRequest.RunnerEvent].
const (
	EventRegister = "register"
	EventRemove   = "remove"
)

// TokenSchema is the only schema of [RegistrationResponse] that runners know.
const TokenSchema = "OAuthAccessToken"

// A RegistrationRequest exchanges a registration or remove token.
type RegistrationRequest struct {
	URL         string `json:"url"` // as given to the runner: https://host/owner/repo
	RunnerEvent string `json:"runner_event"`
}

// A RegistrationResponse says where and how to register. Token is a JWT with
// an expiry; clients read it.
type RegistrationResponse struct {
	URL         string `json:"url"`
	TokenSchema string `json:"token_schema"`
	Token       string `json:"token"`
	UseV2Flow   bool   `json:"use_v2_flow"`
}

// RunnerGroups lists the groups that a runner may join.
type RunnerGroups struct {
	TotalCount   int           `json:"total_count"`
	RunnerGroups []RunnerGroup `json:"runner_groups"`
}

// A RunnerGroup is a set of runners. Runners join the one they name, else the
// default one, and never a hosted one.
type RunnerGroup struct {
	ID       int64  `json:"id"`
	Name     string `json:"name"`
	Default  bool   `json:"default"`
	IsHosted bool   `json:"is_hosted"`
}

// Runners lists the runners of a name; the first one is taken to exist.
type Runners struct {
	TotalCount int         `json:"total_count"`
	Runners    []RunnerRef `json:"runners"`
}

// A RunnerRef names a runner.
type RunnerRef struct {
	ID   Int    `json:"id"`
	Name string `json:"name"`
}

// Types of [RunnerLabel].
const (
	LabelSystem = "system"
	LabelUser   = "user"
)

// A RunnerLabel is a label as a runner registers it.
type RunnerLabel struct {
	ID   Int    `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// A RegisterRequest registers a runner, or replaces the one with RunnerID.
type RegisterRequest struct {
	URL             string        `json:"url"`
	GroupID         int64         `json:"group_id"`
	Name            string        `json:"name"`
	Version         string        `json:"version"`
	UpdatesDisabled bool          `json:"updates_disabled"`
	Ephemeral       bool          `json:"ephemeral"`
	Labels          []RunnerLabel `json:"labels"`
	PublicKey       string        `json:"public_key"` // XML, see [PublicKeyXML]
	RunnerID        Int           `json:"runner_id,omitempty"`
	Replace         bool          `json:"replace,omitempty"`
}

// A RegisterResponse tells a runner its id and where it speaks from now on.
type RegisterResponse struct {
	ID            Int                 `json:"id"`
	Name          string              `json:"name"`
	Authorization RunnerAuthorization `json:"authorization"`
}

// A RunnerAuthorization is how one runner gets its tokens. ClientID is a GUID.
type RunnerAuthorization struct {
	AuthorizationURL string `json:"authorization_url"`
	ServerURL        string `json:"server_url"`
	ClientID         string `json:"client_id"`
}

// The form of a token request, and the type of its assertion.
const (
	GrantClientCredentials = "client_credentials"
	AssertionJWTBearer     = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// A TokenResponse answers the client assertion of a runner. Runners keep the
// token until a 401.
type TokenResponse struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   Int    `json:"expires_in"`
	TokenType   string `json:"token_type"`
}

// ErrInvalidClient says in a [TokenError] that the registration is gone for
// good: the runner stops.
const ErrInvalidClient = "invalid_client"

// A TokenError refuses a token, with status 400 and a Content-Length.
type TokenError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}
