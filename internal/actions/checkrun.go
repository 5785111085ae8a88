package actions

import (
	"net/url"
	"slices"
	"time"
	"unicode/utf8"
)

// ActionsApp is the id of the app that jobs, and what they report, belong to: GitHub's
// own, by which programs know it.
const ActionsApp = 15368

// ToolChecks is where the ids of the check runs and check suites of tools begin, and those
// of the apps that accounts stand for when they report. Those below are of jobs and runs.
const ToolChecks = 1 << 40

// A CheckRun is how one check of a commit stands: a job, or what a tool reports of it.
type CheckRun struct {
	ID      int64
	RepoID  int64
	SuiteID int64
	Job     *Job // that it is; nil for one of a tool

	Name       string
	HeadSHA    string
	ExternalID string // by which the tool knows it
	DetailsURL string // of the tool; empty for none
	Status     Status
	Conclusion Conclusion // set exactly when Status is Completed

	Title, Summary, Text string // of a tool; the last two are Markdown
	Annotations          int    // how many it has
	Actions              []CheckAction

	Creator     Account // of a tool
	StartedAt   time.Time
	CompletedAt time.Time // zero until then
	CreatedAt   time.Time
}

// A CheckAction is something that people may ask a tool to do, by a button.
type CheckAction struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// A CheckSuite is all check runs of one commit that somebody has made.
type CheckSuite struct {
	ID         int64
	RepoID     int64
	HeadSHA    string
	HeadBranch string // at which the commit stood when the suite was made; empty for none
	Creator    Account
	Status     Status
	Conclusion Conclusion
	Asked      bool // to run again, and no check run of it has changed since
	CheckRuns  int  // the newest of each name
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// A CheckNote is an annotation of a check run of a tool.
type CheckNote struct {
	Annotation
	RawDetails string
}

// App is the id of the app that the check run belongs to.
func (r *CheckRun) App() int64 {
	if r.Job != nil {
		return ActionsApp
	}
	return AppOf(&r.Creator)
}

// AppOf is the id of the app that an account stands for when it reports: each for one of
// its own.
func AppOf(a *Account) int64 {
	if a.Type == Bot && a.Login == JobBot {
		return ActionsApp
	}
	return ToolChecks + a.ID
}

// Result is how the check run stands.
func (r *CheckRun) Result() CheckResult {
	return CheckResult{Name: r.Name, App: r.App(), Status: r.Status, Conclusion: r.Conclusion}
}

// Bounds of a check run, as GitHub has them.
const (
	MaxCheckNotes    = 50         // in one call
	maxCheckText     = 65535      // characters of a summary or text
	maxCheckName     = 255        // characters, also of a title
	maxNote          = 64 << 10   // bytes of a message or of raw details
	maxCheckActions  = 3          // buttons
	maxActionLabel   = 20         // characters, also of an identifier
	maxActionText    = 40         // characters of a description
	maxCheckLine     = 1 << 31    // of a file
	checkResource    = "CheckRun" // in errors
	maxNotePath      = 4096       // bytes
	maxCheckExternal = 1024       // bytes of an external id
)

// Set fills in status, conclusion and times as GitHub does: a conclusion completes the check
// run, and another status takes a conclusion back.
func (r *CheckRun) Set(status Status, conclusion Conclusion, completed, now time.Time) error {
	switch {
	case conclusion != "":
		status = Completed
	case status == Completed && r.Status == Completed:
		conclusion = r.Conclusion
	case status == Completed, !completed.IsZero():
		return Missing(checkResource, "conclusion")
	case status == "":
		return nil
	}
	switch status {
	case Queued, InProgress, Completed:
	default:
		return BadField(checkResource, "status")
	}
	switch conclusion {
	case "", Success, Failure, Neutral, Cancelled, Skipped, TimedOut, ActionRequired:
	case Stale, StartupFailure:
		return BadField(checkResource, "conclusion")
	default:
		return BadField(checkResource, "conclusion")
	}
	if status != Completed {
		completed = time.Time{}
	} else if completed.IsZero() {
		completed = now
		if r.Status == Completed && !r.CompletedAt.IsZero() {
			completed = r.CompletedAt
		}
	}
	r.Status, r.Conclusion, r.CompletedAt = status, conclusion, completed
	return nil
}

// Check refuses what cannot be.
func (r *CheckRun) Check() error {
	long := func(field, text string, most int) error {
		if utf8.RuneCountInString(text) > most {
			return InField(checkResource, field, Errorf(Invalid, "%s is too long (maximum is %d characters)", field, most))
		}
		return nil
	}
	if r.Name == "" {
		return Missing(checkResource, "name")
	}
	for _, f := range []struct {
		field, text string
		most        int
	}{
		{"name", r.Name, maxCheckName},
		{"title", r.Title, maxCheckName},
		{"summary", r.Summary, maxCheckText},
		{"text", r.Text, maxCheckText},
		{"external_id", r.ExternalID, maxCheckExternal},
		{"details_url", r.DetailsURL, maxStatusURL},
	} {
		if err := long(f.field, f.text, f.most); err != nil {
			return err
		}
	}
	if u, err := url.Parse(r.DetailsURL); r.DetailsURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return InField(checkResource, "details_url", Errorf(Invalid, "details_url must use http(s) scheme"))
	}
	if len(r.Actions) > maxCheckActions {
		return InField(checkResource, "actions", Errorf(Invalid, "actions has more than %d elements", maxCheckActions))
	}
	for _, a := range r.Actions {
		for _, f := range []struct {
			field, text string
			most        int
		}{{"label", a.Label, maxActionLabel}, {"description", a.Description, maxActionText}, {"identifier", a.Identifier, maxActionLabel}} {
			if f.text == "" {
				return Missing(checkResource, "actions."+f.field)
			}
			if err := long("actions."+f.field, f.text, f.most); err != nil {
				return err
			}
		}
	}
	return nil
}

// Check refuses an annotation that cannot be.
func (n *CheckNote) Check() error {
	bad := func(field, format string, args ...any) error {
		return InField(checkResource, "annotations."+field, Errorf(Invalid, field+" "+format, args...))
	}
	switch {
	case n.Path == "":
		return Missing(checkResource, "annotations.path")
	case n.Message == "":
		return Missing(checkResource, "annotations.message")
	case len(n.Path) > maxNotePath:
		return bad("path", "is too long (maximum is %d bytes)", maxNotePath)
	case n.Level != LevelNotice && n.Level != LevelWarning && n.Level != LevelFailure:
		return BadField(checkResource, "annotations.annotation_level")
	case n.StartLine < 1 || n.StartLine > maxCheckLine:
		return bad("start_line", "must be a line number")
	case n.EndLine < n.StartLine || n.EndLine > maxCheckLine:
		return bad("end_line", "must be greater than or equal to start_line")
	case n.StartColumn < 0 || n.EndColumn < 0 || n.StartColumn > maxCheckLine || n.EndColumn > maxCheckLine:
		return bad("start_column", "must be a column number")
	case n.StartLine != n.EndLine && (n.StartColumn != 0 || n.EndColumn != 0):
		return bad("start_column", "must be omitted if start_line and end_line have different values")
	case len(n.Message) > maxNote:
		return bad("message", "is too long (maximum is %d bytes)", maxNote)
	case len(n.RawDetails) > maxNote:
		return bad("raw_details", "is too long (maximum is %d bytes)", maxNote)
	case utf8.RuneCountInString(n.Title) > maxCheckName:
		return bad("title", "is too long (maximum is %d characters)", maxCheckName)
	}
	return nil
}

// A Sum is what many checks come to. The zero Sum is that of none.
type Sum struct {
	Open       bool       // some are not completed
	Conclusion Conclusion // the worst of those that are
}

// gravity says which conclusion of several counts for all: the later one.
var gravity = []Conclusion{Skipped, Neutral, Success, Stale, ActionRequired, Cancelled, TimedOut, StartupFailure, Failure}

// Add adds a check.
func (s *Sum) Add(status Status, c Conclusion) {
	if status != Completed {
		s.Open = true
		return
	}
	if s.Conclusion == "" || slices.Index(gravity, c) > slices.Index(gravity, s.Conclusion) {
		s.Conclusion = c
	}
}
