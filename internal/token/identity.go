package token

import (
	"strconv"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Numbers of rows are given out again when older data is put back: the runner that is
// registered next gets the number of one that the data does not know any more, and
// whose token is still good. So nothing signed is for a number. Each names what it is
// for by something that was made with the row and is never made again:
//
//	runner's token      the client id of the runner
//	tokens of a job     the GUID of the job, and when the job was acquired: a job of
//	                    older data may be acquired once more
//	GITHUB_TOKEN        the same two, and the store has its hash
//	admin token         the hash of the registration token that it was exchanged for
//	signed URL          [Grant.GUID]: of a job as it was acquired, an attempt, an object;
//	                    of files of a commit its SHA, which names their content
//	stream of a page    the GUID of the job or the attempt that the page shows
//	other tokens        themselves: random text, of which the store has the hash
//
// Numbers stand beside that to find the row. Who takes a signed thing reads the row and
// asks it whether it is of that row, each time; what is of another row is answered as
// if there was none.
//
// sameRow is the rule. Versions before this one did not sign the name; what they have
// signed is for the row only if it was there by then, and not made later under a number
// that was given out again.
func sameRow(signed, name string, issued, made time.Time) bool {
	if signed == "" {
		return !issued.Before(made.Truncate(time.Second)) // tokens say it in seconds
	}
	return signed == name
}

// IsOf says whether the token is that of r.
func (t Runner) IsOf(r *actions.Runner) bool {
	return sameRow(t.ClientID, r.ClientID, t.Issued, r.CreatedAt)
}

// IsOf says whether the token is of j, and of the acquisition for which j is, or was, in
// progress.
func (t Job) IsOf(j *actions.Job) bool {
	return t.GUID == j.GUID && sameRow(acquisition(t.Acquired), acquisition(j.StartedAt), t.Issued, j.StartedAt)
}

// IsOf says whether the URL is for the row that is known by a GUID and was made then. life
// is how long URLs of its purpose are good.
func (g Grant) IsOf(guid string, made time.Time, life time.Duration) bool {
	return sameRow(g.GUID, guid, g.Expires.Add(-life), made)
}

// JobGUID is what a URL knows a job by that one runner has acquired: whoever acquires it
// later has nothing to do with it.
func JobGUID(j *actions.Job) string { return j.GUID + "." + acquisition(j.StartedAt) }

// acquisition names one acquisition of a job, by when it was; "" for the zero time.
func acquisition(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}
