package actions

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A Holder has secrets and variables: an organization, a repository, or an environment
// of a repository. One of the ids is set, for an environment that of its repository too.
type Holder struct {
	OrgID, RepoID, EnvironmentID int64

	Environment string // the name of the environment
}

// A HolderKind is what a [Holder] is.
type HolderKind string

// The kinds of holders.
const (
	HeldByOrganization HolderKind = "organization"
	HeldByRepository   HolderKind = "repository"
	HeldByEnvironment  HolderKind = "environment"
)

// Kind is what the holder is.
func (h Holder) Kind() HolderKind {
	switch {
	case h.EnvironmentID != 0:
		return HeldByEnvironment
	case h.RepoID != 0:
		return HeldByRepository
	}
	return HeldByOrganization
}

// ID is that of the environment, the repository or the organization.
func (h Holder) ID() int64 {
	switch h.Kind() {
	case HeldByEnvironment:
		return h.EnvironmentID
	case HeldByRepository:
		return h.RepoID
	case HeldByOrganization:
	}
	return h.OrgID
}

// Scope is where the holder is.
func (h Holder) Scope() Scope { return Scope{RepoID: h.RepoID, OwnerID: h.OrgID} }

// A Visibility says which repositories of an organization may use something of it.
type Visibility string

// The visibilities.
const (
	VisibleToAll      Visibility = "all"
	VisibleToPrivate  Visibility = "private"
	VisibleToSelected Visibility = "selected"
)

// Check says why an organization's secret or variable cannot be for repositories so.
func (v Visibility) Check(resource string) error {
	switch v {
	case VisibleToAll, VisibleToPrivate, VisibleToSelected:
		return nil
	case "":
		return Missing(resource, "visibility")
	}
	return BadField(resource, "visibility")
}

// A Secret is an encrypted value that jobs get. Its value is for package secret alone.
type Secret struct {
	ID         int64
	Holder     Holder
	Name       string     // in upper case
	Visibility Visibility // of an organization's; else empty
	KeyID      string     // of the master key
	Sealed     []byte     // what it encrypts
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// A Variable is a value that jobs get and everybody may see who sees the job.
type Variable struct {
	ID         int64
	Holder     Holder
	Name       string // in upper case
	Value      string
	Visibility Visibility // of an organization's; else empty
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

const (
	maxHeldName = 255

	// MaxHeldValue is how many bytes a secret or a variable may have.
	MaxHeldValue = 48 * 1024
)

// How many secrets and variables of others a job gets.
const (
	MaxJobOrganizationSecrets = 100        // the first by name
	MaxJobVariableBytes       = 256 * 1024 // of the repository's, and then of the organization's, by name
)

// MaxSecrets is how many secrets the holder can have.
func (h Holder) MaxSecrets() int {
	if h.Kind() == HeldByOrganization {
		return 1000
	}
	return 100
}

// MaxVariables is how many variables the holder can have.
func (h Holder) MaxVariables() int {
	switch h.Kind() {
	case HeldByOrganization:
		return 1000
	case HeldByRepository:
		return 500
	case HeldByEnvironment:
	}
	return 100
}

// SecretName is the name under which a secret is kept, or says why there can be none of
// that name.
func SecretName(name string) (string, error) { return heldName("Secret", name) }

// VariableName is the name under which a variable is kept, or says why there can be none
// of that name.
func VariableName(name string) (string, error) { return heldName("Variable", name) }

func heldName(what, name string) (string, error) {
	switch {
	case len(name) > maxHeldName:
		return "", Errorf(Invalid, "%s names are too long (maximum is %d characters)", what, maxHeldName)
	case name == "" || name[0] >= '0' && name[0] <= '9' || strings.ContainsFunc(name, notInHeldName):
		return "", Errorf(Invalid, "%s names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).", what)
	}
	name = strings.ToUpper(name)
	if strings.HasPrefix(name, "GITHUB_") {
		return "", Errorf(Invalid, "%s names must not start with GITHUB_.", what)
	}
	return name, nil
}

func notInHeldName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// CheckHeldValue says why a text cannot be the value of a secret or a variable.
func CheckHeldValue(what, value string) error {
	if len(value) > MaxHeldValue {
		return Errorf(Invalid, "%s values cannot be larger than %d KB", what, MaxHeldValue/1024)
	}
	if !utf8.ValidString(value) || strings.IndexByte(value, 0) >= 0 {
		return Errorf(Invalid, "%s values must be text in UTF-8, without the character NUL", what)
	}
	return nil
}
