package actions

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A PullState says whether a pull request can still be merged. The texts are GitHub's.
type PullState string

// The states of pull requests.
const (
	PullOpen   PullState = "open"
	PullClosed PullState = "closed"
)

// Mergeable says whether git can merge a pull request without help.
type Mergeable string

// What is known of a merge.
const (
	MergeUnknown   Mergeable = "" // nobody has tried since a branch moved
	MergeClean     Mergeable = "clean"
	MergeConflicts Mergeable = "conflicts"
)

// A Pull is a pull request: it asks that the commits of one branch, the head, get into
// another one, the base. Its number is one that no other pull request, and no issue, of
// its repository has.
type Pull struct {
	ID     int64
	RepoID int64 // of the base
	Number int64
	Title  string
	Body   string // may be empty
	State  PullState
	Draft  bool // it is not to be merged yet
	Author Account

	BaseRef string // short name of the branch
	BaseSHA string // where the branch stood when the merge was tried last, or the pull request was closed

	HeadRepoID int64   // RepoID unless the head is in a fork; 0 when that is gone
	HeadOwner  Account // of the head's repository when the pull request was made
	HeadRef    string  // short name of the branch, which may be gone
	HeadSHA    string

	Mergeable Mergeable
	MergeSHA  string // of the merge that was tried; of the commit by which the base got the head, once that is so; empty for none

	MergedAt  time.Time // zero unless it was merged
	MergedBy  Account
	ClosedAt  time.Time // zero while it is open
	CreatedAt time.Time
	UpdatedAt time.Time

	// Merging is the commit that the base is about to move to, because somebody merges the
	// pull request; empty for none. If the base gets there, it is merged.
	Merging string
}

// HeadName is the ref that leads to the head of the pull request, for ever.
func (p *Pull) HeadName() string { return PullHead(p.Number) }

// MergeName is the ref that leads to the merge that was tried last.
func (p *Pull) MergeName() string { return PullPrefix + strconv.FormatInt(p.Number, 10) + "/merge" }

// PullHead is the ref that leads to the head of the pull request with a number.
func PullHead(number int64) string { return PullPrefix + strconv.FormatInt(number, 10) + "/head" }

// PullOfHead is the number of the pull request to whose head a ref leads; 0 for another ref.
func PullOfHead(ref string) int64 {
	text, ok := strings.CutPrefix(ref, PullPrefix)
	text, head := strings.CutSuffix(text, "/head")
	n, err := strconv.ParseInt(text, 10, 64)
	if !ok || !head || err != nil {
		return 0
	}
	return n
}

// Label names the head as GitHub does: "owner:branch".
func (p *Pull) Label() string { return p.HeadOwner.Login + ":" + p.HeadRef }

// FromFork says whether the head is in another repository than the base.
func (p *Pull) FromFork() bool { return p.HeadRepoID != p.RepoID }

// Merged says whether the base has got the head.
func (p *Pull) Merged() bool { return !p.MergedAt.IsZero() }

// Close closes the pull request without merging it.
func (p *Pull) Close(now time.Time) {
	p.State, p.ClosedAt, p.UpdatedAt, p.Merging = PullClosed, now, now, ""
}

// Reopen opens a pull request that was closed. One that was merged stays closed.
func (p *Pull) Reopen(now time.Time) error {
	if p.Merged() {
		return InField(pullResource, "state", Errorf(Invalid, "state cannot be changed. The pull request cannot be reopened."))
	}
	p.State, p.ClosedAt, p.UpdatedAt, p.Mergeable = PullOpen, time.Time{}, now, MergeUnknown
	return nil
}

// Merge notes that the base has got the head by the commit sha, through who.
func (p *Pull) Merge(sha string, who Account, now time.Time) {
	p.Close(now)
	p.MergeSHA, p.MergedAt, p.MergedBy = sha, now, who
}

// pullResource is what GitHub calls a pull request in errors about its fields.
const pullResource = "PullRequest"

// GitHub's bounds of what people write in a pull request, in characters.
const (
	maxPullTitle = 256
	maxPullBody  = 65536
)

// CheckPullText says what cannot be the title and the body of a pull request.
func CheckPullText(title, body string) error {
	switch {
	case strings.TrimSpace(title) == "":
		return Missing(pullResource, "title")
	case utf8.RuneCountInString(title) > maxPullTitle:
		return InField(pullResource, "title", Errorf(Invalid, "title is too long (maximum is %d characters)", maxPullTitle))
	case utf8.RuneCountInString(body) > maxPullBody:
		return InField(pullResource, "body", Errorf(Invalid, "body is too long (maximum is %d characters)", maxPullBody))
	}
	return nil
}

// A PullEvent is something that has happened to a pull request, and for which runs are to
// be made. See [Happening], which carries it until they are.
type PullEvent struct {
	PullID int64  `json:"pull"`
	Action string `json:"-"` // activity type of the event: it stands in the [Happening]
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`

	// Changes are what an edit has changed, by field: what was there before.
	Changes map[string]string `json:"changes,omitempty"`
	// Reviewer is who was asked for a review, or is not asked any more; Review is the one
	// that the event is about. 0 for neither.
	Reviewer int64 `json:"reviewer,omitempty"`
	Review   int64 `json:"review,omitempty"`
}
