package actions

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Scope is one repository, all of an owner's, or all of the site's
// ("enterprises/understudy"): for whom a runner works, or where something is set.
// At most one field is set.
type Scope struct {
	OwnerID int64 // an organization
	RepoID  int64
}

// Enterprise is the slug of the site's own runner scope.
const Enterprise = "understudy"

// RunnerEnvironment is what runners are called that GitHub does not host: all of them.
const RunnerEnvironment = "self-hosted"

// A Label is a word that a runner carries and that runs-on asks for.
type Label struct {
	Name   string
	System bool // set by the runner program itself: self-hosted, Linux, X64
}

// A Runner executes jobs.
type Runner struct {
	ID         int64
	Scope      Scope
	GroupID    int64  // of its runner group; [DefaultGroupID] for the default one, and in a repository
	Group      string // name of that group; set by the store
	Name       string // unique in its scope
	Labels     []Label
	OS         string // as the runner says it: "Linux"; empty until its first poll
	Arch       string
	Version    string
	Ephemeral  bool // removed after one job
	JIT        bool // its configuration is made here; known only while it is added
	NoUpdate   bool
	ClientID   string // GUID, the runner's OAuth client
	PublicKey  []byte // PKIX DER of its RSA key
	URL        string // the server's address by which it was registered: "https://ci.example"; empty for old ones
	CreatedAt  time.Time
	LastSeenAt time.Time // start or end of its newest poll; zero before
}

// MaxDeletedRunners is of how many runners it is remembered that they were deleted: of
// the last.
const MaxDeletedRunners = 100_000

// RememberedFor is how long it is remembered that the runner was deleted. Until then its
// process is told to delete its configuration; after that it is one that is not known,
// and ends without. One for a single job ends by itself, and only has to hear it while
// it does.
func (r *Runner) RememberedFor() time.Duration {
	const day = 24 * time.Hour
	if r.Ephemeral {
		return day
	}
	return 90 * day
}

// offlineAfter is two missed polls of 50 seconds and some grace.
const offlineAfter = 110 * time.Second

// Online says whether the runner polled lately.
func (r *Runner) Online(now time.Time) bool { return now.Sub(r.LastSeenAt) < offlineAfter }

// Has says whether the runner carries all of labels, without regard to case.
func (r *Runner) Has(labels []string) bool {
	for _, want := range labels {
		found := false
		for _, l := range r.Labels {
			found = found || strings.EqualFold(l.Name, want)
		}
		if !found {
			return false
		}
	}
	return true
}

// Serves says whether the runner may work for a repository.
func (r *Runner) Serves(ownerID, repoID int64) bool {
	switch {
	case r.Scope.RepoID != 0:
		return r.Scope.RepoID == repoID
	case r.Scope.OwnerID != 0:
		return r.Scope.OwnerID == ownerID
	}
	return true
}

// System is the runner's operating system: as it says itself, or, until it has
// polled, as its labels do; "unknown" if neither tells.
func (r *Runner) System() string {
	if r.OS != "" {
		return r.OS
	}
	for _, os := range []string{"Linux", "macOS", "Windows"} {
		if r.Has([]string{os}) {
			return os
		}
	}
	return "unknown"
}

// CleanLabels are the labels without white space around them, each once in any case,
// and none that is empty. A label of the runner program stays one.
func CleanLabels(labels []Label) []Label {
	var clean []Label
	at := make(map[string]int, len(labels))
	for _, l := range labels {
		l.Name = strings.TrimSpace(l.Name)
		if l.Name == "" {
			continue
		}
		key := strings.ToLower(l.Name)
		i, known := at[key]
		if !known {
			i, at[key] = len(clean), len(clean)
			clean = append(clean, l)
		}
		clean[i].System = clean[i].System || l.System
	}
	return clean
}

// Characters of labels and names are counted as GitHub's runner does, in UTF-16.
const (
	maxLabel      = 256
	maxLabels     = 100
	maxRunnerName = 64
)

// CheckLabel says whether name can be a runner's label.
func CheckLabel(name string) error {
	if name == "" || UTF16Len(name) > maxLabel || strings.TrimSpace(name) != name || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, func(c rune) bool { return c == ',' || unicode.IsControl(c) }) {
		return Errorf(Invalid, "label %q must have 1 to %d characters, none of them a comma, a line break or a control character", name, maxLabel)
	}
	return nil
}

// Check says whether the runner may be registered as it is.
func (r *Runner) Check() error {
	if r.Name == "" || UTF16Len(r.Name) > maxRunnerName || strings.ContainsFunc(r.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return Errorf(Invalid, "runner name %q must have 1 to %d characters", r.Name, maxRunnerName)
	}
	if len(r.Labels) == 0 {
		return Errorf(Invalid, "a runner has 1 to %d labels", maxLabels)
	}
	return r.CheckLabels()
}

// CheckLabels says whether the runner may have the labels that it has.
func (r *Runner) CheckLabels() error {
	if len(r.Labels) > maxLabels {
		return Errorf(Invalid, "a runner has at most %d labels", maxLabels)
	}
	for _, l := range r.Labels {
		if err := CheckLabel(l.Name); err != nil {
			return err
		}
	}
	return nil
}

// A Session is a runner's claim to be the one process of its registration.
type Session struct {
	ID        string // GUID
	RunnerID  int64
	Owner     string // the runner's own words: "box1 (PID: 4711)"
	CreatedAt time.Time
	PolledAt  time.Time // start or end of its newest poll
	IdleSince time.Time // when it first said that it is idle while it holds a job; zero while it does not
}

// SessionLife is how long a session without polls blocks another one.
// The official runner tries for four minutes, so this must be less.
const SessionLife = 100 * time.Second

// Live says whether the session blocks another one: its process polls, or did so lately.
func (s *Session) Live(now time.Time) bool { return now.Sub(s.PolledAt) < SessionLife }

// A RegistrationToken lets a runner be added to or removed from a scope.
type RegistrationToken struct {
	Hash      []byte
	Remove    bool // for removal, not registration
	Scope     Scope
	CreatorID int64 // the account that made it, with whose suspension it ends; 0 for the server
	ParentID  int64 // the token that it was made with, with which it ends; 0 for none
	ExpiresAt time.Time
}

// Allows says whether the token is good at now for adding runners or, with remove,
// for removing them. Who may add runners may remove them, too: a widely used
// container removes its runner with the token that had added it.
func (t *RegistrationToken) Allows(remove bool, now time.Time) bool {
	return (remove || !t.Remove) && now.Before(t.ExpiresAt)
}

// RegistrationTokenLife is GitHub's documented hour.
const RegistrationTokenLife = time.Hour

// AdminTokenLife is how long a runner may take from the exchange of its registration
// token to the end of its configuration. As long after its end that token is kept.
const AdminTokenLife = time.Hour
