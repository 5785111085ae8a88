package actions

// RepositoryOptions are what the admins of a repository say about it for people and
// programs to read. The server keeps and shows them; nothing else depends on them.
// The zero value is none that can be: a new repository has [StandardOptions].
type RepositoryOptions struct {
	HasIssues, HasProjects, HasWiki, HasDiscussions, HasDownloads bool

	HasPullRequests           bool
	PullRequestCreationPolicy string // all, collaborators_only

	IsTemplate               bool
	AllowForking             bool // of a private repository of an organization
	WebCommitSignoffRequired bool

	AllowSquashMerge, AllowMergeCommit, AllowRebaseMerge bool // at least one
	AllowAutoMerge, AllowUpdateBranch                    bool
	DeleteBranchOnMerge                                  bool

	SquashMergeCommitTitle, SquashMergeCommitMessage string
	MergeCommitTitle, MergeCommitMessage             string
}

// What the texts of the commits of merges are made of, in GitHub's words.
const (
	titleOfPull          = "PR_TITLE"
	titleOfCommitOrPull  = "COMMIT_OR_PR_TITLE"
	titleMerge           = "MERGE_MESSAGE"
	messageOfPull        = "PR_BODY"
	messageTitleOfPull   = "PR_TITLE"
	messageOfCommits     = "COMMIT_MESSAGES"
	messageNone          = "BLANK"
	pullsByAll           = "all"
	pullsByCollaborators = "collaborators_only"
)

// StandardOptions are those of a new repository.
func StandardOptions() RepositoryOptions {
	return RepositoryOptions{
		HasIssues: true, HasProjects: true, HasWiki: true, HasDownloads: true,
		HasPullRequests: true, PullRequestCreationPolicy: pullsByAll,
		AllowForking:     true,
		AllowSquashMerge: true, AllowMergeCommit: true, AllowRebaseMerge: true,
		SquashMergeCommitTitle: titleOfCommitOrPull, SquashMergeCommitMessage: messageOfCommits,
		MergeCommitTitle: titleMerge, MergeCommitMessage: messageTitleOfPull,
	}
}

// SquashTitle makes squashed commits be titled by their pull request, or by their
// commit where there is one only: the older word for it is a flag.
func (o *RepositoryOptions) SquashTitle(byPull bool) {
	o.SquashMergeCommitTitle = titleOfCommitOrPull
	if byPull {
		o.SquashMergeCommitTitle = titleOfPull
	} else {
		o.SquashMergeCommitMessage = messageOfCommits // the only one that goes with it
	}
}

// SquashTitledByPull is the flag that [RepositoryOptions.SquashTitle] sets.
func (o *RepositoryOptions) SquashTitledByPull() bool { return o.SquashMergeCommitTitle == titleOfPull }

// A pair is the title and the message of a commit.
type pair struct{ title, message string }

var (
	squashes = map[pair]bool{
		{titleOfPull, messageOfPull}:            true,
		{titleOfPull, messageNone}:              true,
		{titleOfPull, messageOfCommits}:         true,
		{titleOfCommitOrPull, messageOfCommits}: true,
	}
	merges = map[pair]bool{
		{titleOfPull, messageOfPull}:     true,
		{titleOfPull, messageNone}:       true,
		{titleMerge, messageTitleOfPull}: true,
	}
)

// Check says what cannot be, as a [FieldError].
func (o *RepositoryOptions) Check() error {
	custom := func(field, format string, args ...any) error {
		return InField("Repository", field, Errorf(Invalid, format, args...))
	}
	switch {
	case o.PullRequestCreationPolicy != pullsByAll && o.PullRequestCreationPolicy != pullsByCollaborators:
		return BadField("Repository", "pull_request_creation_policy")
	case !o.AllowSquashMerge && !o.AllowMergeCommit && !o.AllowRebaseMerge:
		return custom("merge_commit_allowed", "Sorry, you need to allow at least one merge strategy. (no_merge_method)")
	case !squashes[pair{o.SquashMergeCommitTitle, o.SquashMergeCommitMessage}]:
		return custom("squash_merge_commit_title", "%q and %q are no title and message of squash merges that go together", o.SquashMergeCommitTitle, o.SquashMergeCommitMessage)
	case !merges[pair{o.MergeCommitTitle, o.MergeCommitMessage}]:
		return custom("merge_commit_title", "%q and %q are no title and message of merge commits that go together", o.MergeCommitTitle, o.MergeCommitMessage)
	}
	return nil
}
