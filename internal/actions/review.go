package actions

import (
	"strings"
	"time"
	"unicode/utf8"
)

// A ReviewState is what a review says. The texts are GitHub's.
type ReviewState string

// The states of reviews.
const (
	ReviewPending   ReviewState = "PENDING" // not submitted yet
	ReviewComment   ReviewState = "COMMENTED"
	ReviewApproved  ReviewState = "APPROVED"
	ReviewChanges   ReviewState = "CHANGES_REQUESTED"
	ReviewDismissed ReviewState = "DISMISSED"
)

// A ReviewEvent is what somebody does by a review, in GitHub's words.
type ReviewEvent string

// What is done by reviews.
const (
	Approve        ReviewEvent = "APPROVE"
	RequestChanges ReviewEvent = "REQUEST_CHANGES"
	OnlyComment    ReviewEvent = "COMMENT"
)

// A Review is what somebody says of the head of a pull request.
type Review struct {
	ID          int64
	PullID      int64
	Author      Account
	State       ReviewState
	Body        string
	CommitSHA   string    // that was looked at
	SubmittedAt time.Time // zero while it is pending
	CreatedAt   time.Time
}

// NotReview is the error for what a review cannot be.
func NotReview(format string, args ...any) error {
	return Unprocessable(Errorf(Invalid, format, args...))
}

// Submit makes a pending review of p one that others see. Who has made p can only comment.
func (v *Review) Submit(p *Pull, does ReviewEvent, now time.Time) error {
	var verb string
	var to ReviewState
	switch does {
	case Approve:
		verb, to = "approve", ReviewApproved
	case RequestChanges:
		verb, to = "request changes on", ReviewChanges
	case OnlyComment:
		verb, to = "comment on", ReviewComment
	default:
		return NotReview("event is none of APPROVE, REQUEST_CHANGES and COMMENT")
	}
	switch {
	case v.State != ReviewPending:
		return NotReview("Can not %s a %s pull request review", verb, v.word())
	case v.Author.ID == p.Author.ID && to != ReviewComment:
		return NotReview("Review Can not %s your own pull request", verb)
	case to == ReviewChanges && strings.TrimSpace(v.Body) == "":
		return NotReview("You need to leave a comment indicating the requested changes.")
	case to == ReviewComment && strings.TrimSpace(v.Body) == "":
		return NotReview("You need to leave a comment.")
	}
	v.State, v.SubmittedAt = to, now
	return CheckReviewText(v.Body)
}

// Dismiss takes away what a review says of the pull request.
func (v *Review) Dismiss() error {
	if v.State != ReviewApproved && v.State != ReviewChanges {
		return NotReview("Can not dismiss a %s pull request review", v.word())
	}
	v.State = ReviewDismissed
	return nil
}

// word is the state of the review in the midst of a sentence.
func (v *Review) word() string {
	return strings.ReplaceAll(strings.ToLower(string(v.State)), "_", " ")
}

// Edit changes the text of a review. Only an approval needs none.
func (v *Review) Edit(body string) error {
	if (v.State == ReviewChanges || v.State == ReviewComment) && strings.TrimSpace(body) == "" {
		return NotReview("body can't be blank")
	}
	v.Body = body
	return CheckReviewText(body)
}

// CheckReviewText says what cannot be the text of a review, or of its dismissal.
func CheckReviewText(body string) error {
	if utf8.RuneCountInString(body) > maxPullBody {
		return NotReview("body is too long (maximum is %d characters)", maxPullBody)
	}
	return nil
}

// Opinions are what those who may push say of a pull request: of each the last review that
// approves it or requests changes, unless that was dismissed.
type Opinions []*Review

// Approvals counts those that approve it; of these, only at the commit sha unless that is
// empty.
func (o Opinions) Approvals(sha string) int {
	n := 0
	for _, v := range o {
		if v.State == ReviewApproved && (sha == "" || v.CommitSHA == sha) {
			n++
		}
	}
	return n
}

// ChangesRequested says whether somebody wants it to be changed first.
func (o Opinions) ChangesRequested() bool {
	for _, v := range o {
		if v.State == ReviewChanges {
			return true
		}
	}
	return false
}
