package actions

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// Of an environment, a token has claims only if its job names one.
var idClaims = []string{
	"actor", "actor_id", "base_ref", "check_run_id", "enterprise", "environment", "environment_node_id", "event_name", "head_ref",
	"job_workflow_ref", "job_workflow_sha", "ref", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner",
	"repository_owner_id", "repository_visibility", "run_attempt", "run_id", "run_number", "runner_environment", "sha", "workflow",
	"workflow_ref", "workflow_sha",
}

// IDClaims lists the claims of an OIDC token that say which job it is of. A subject can be
// made of each.
func IDClaims() []string { return slices.Clone(idClaims) }

// What a subject can be made of, beside the claims of the token.
const (
	SubjectRepo    = "repo"    // owner and name of the repository
	SubjectContext = "context" // the environment of the job, else that it is for a pull request, else its ref
)

// DefaultSubject is what subjects are made of where nobody has chosen.
func DefaultSubject() []string { return []string{SubjectRepo, SubjectContext} }

// A SubjectTemplate is what an organization or a repository has chosen for the subjects
// of its OIDC tokens. The zero value is that of who has chosen nothing.
type SubjectTemplate struct {
	Custom bool     // of a repository: its subjects are not made of [DefaultSubject]
	Keys   []string // what they are made of, in this order; none in a repository for what its organization has
}

var claimKey = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// Check says why the template cannot be chosen.
func (t SubjectTemplate) Check() error {
	for i, key := range t.Keys {
		switch {
		case !claimKey.MatchString(key):
			return Errorf(Invalid, "include_claim_keys: %.60q is not a claim key: it may only contain alphanumeric characters and underscores", key)
		case key != SubjectRepo && key != SubjectContext && !slices.Contains(idClaims, key):
			return Errorf(Invalid, "include_claim_keys: %.60q is no claim of OIDC tokens: there are %s, %s and %s", key, SubjectRepo, SubjectContext, strings.Join(idClaims, ", "))
		case slices.Contains(t.Keys[:i], key):
			return Errorf(Invalid, "include_claim_keys: %q is there twice", key)
		}
	}
	return nil
}

// How long keys that sign OIDC tokens are good for.
const (
	// IDTokenLife is how long an OIDC token is valid. GitHub's are for as long.
	IDTokenLife = 5 * time.Minute

	signingTime  = 90 * 24 * time.Hour // for which a key signs
	announceTime = 24 * time.Hour      // for which a key is published before it signs: verifiers may remember the old ones
	clockTime    = time.Hour           // by which the clocks of servers and verifiers may differ
)

// A SigningKey signs OIDC tokens, or has signed some that are valid still.
type SigningKey struct {
	ID          string // kid
	Certificate []byte // of the public key, signed by itself; DER
	KeyID       string // of the master key that encrypts the private key
	Sealed      []byte // the private key
	CreatedAt   time.Time
	SignsFrom   time.Time // the key signs from then on, until another does
}

// SigningKeys are all that there are, in the order in which they sign.
type SigningKeys []*SigningKey

// Signing is the key that signs now; nil for none.
func (ks SigningKeys) Signing(now time.Time) *SigningKey {
	if used := ks.Used(now); len(used) > 0 {
		return used[len(used)-1]
	}
	return nil
}

// Published are the keys that verifiers must know now: the one that signs, those that are
// to sign soon, and those that have signed what may be valid still.
func (ks SigningKeys) Published(now time.Time) SigningKeys {
	for len(ks) > 1 && !now.Before(ks[1].SignsFrom.Add(IDTokenLife+clockTime)) {
		ks = ks[1:]
	}
	return ks
}

// Used are the keys that have signed by now.
func (ks SigningKeys) Used(now time.Time) SigningKeys {
	return slices.DeleteFunc(slices.Clone(ks), func(k *SigningKey) bool { return k.SignsFrom.After(now) })
}

// With is the keys and one more, in the order in which they sign.
func (ks SigningKeys) With(k *SigningKey) SigningKeys {
	i := slices.IndexFunc(ks, func(o *SigningKey) bool { return o.SignsFrom.After(k.SignsFrom) })
	if i < 0 {
		i = len(ks)
	}
	return slices.Insert(slices.Clone(ks), i, k)
}

// Next says from when on a key must sign that is made now, and whether one must be made at
// all: where none signs, and where the last one has signed for long enough.
func (ks SigningKeys) Next(now time.Time) (signsFrom time.Time, due bool) {
	switch {
	case ks.Signing(now) == nil:
		return now.Add(-clockTime), true // by the clock of every server
	case now.Before(ks[len(ks)-1].SignsFrom.Add(signingTime - announceTime)):
		return time.Time{}, false
	}
	return now.Add(announceTime), true
}
