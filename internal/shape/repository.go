package shape

import (
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Repository is a repository as it stands in event payloads, and the larger
// part of what REST answers about one.
type Repository struct {
	MinimalRepository
	CreatedAt                string   `json:"created_at"`
	UpdatedAt                string   `json:"updated_at"`
	PushedAt                 string   `json:"pushed_at"` // of a new repository: when it was made
	CloneURL                 string   `json:"clone_url"`
	SVNURL                   string   `json:"svn_url"`
	Homepage                 *string  `json:"homepage"`
	Size                     int      `json:"size"`
	StargazersCount          int      `json:"stargazers_count"`
	WatchersCount            int      `json:"watchers_count"`
	Language                 *string  `json:"language"`
	HasIssues                bool     `json:"has_issues"`
	HasProjects              bool     `json:"has_projects"`
	HasDownloads             *bool    `json:"has_downloads,omitempty"` // gone from 2026-03-10 on
	HasWiki                  bool     `json:"has_wiki"`
	HasPages                 bool     `json:"has_pages"`
	HasDiscussions           bool     `json:"has_discussions"`
	HasPullRequests          bool     `json:"has_pull_requests"`
	PullRequestPolicy        string   `json:"pull_request_creation_policy"`
	ForksCount               int      `json:"forks_count"`
	MirrorURL                *string  `json:"mirror_url"`
	Archived                 bool     `json:"archived"`
	Disabled                 bool     `json:"disabled"`
	OpenIssuesCount          int      `json:"open_issues_count"`
	License                  *string  `json:"license"` // never known
	AllowForking             bool     `json:"allow_forking"`
	IsTemplate               bool     `json:"is_template"`
	WebCommitSignoffRequired bool     `json:"web_commit_signoff_required"`
	Topics                   []string `json:"topics"`
	Visibility               string   `json:"visibility"`
	Forks                    int      `json:"forks"`
	OpenIssues               int      `json:"open_issues"`
	Watchers                 int      `json:"watchers"`
	DefaultBranch            string   `json:"default_branch"`
}

// NewRepository is the object for r. Stars and issues are not kept here
// and count as none.
func NewRepository(b Base, r *actions.Repository) *Repository {
	v := repository(b, r)
	return &v
}

func repository(b Base, r *actions.Repository) Repository {
	full, o := r.FullName(), r.Options
	topics := r.Topics
	if topics == nil {
		topics = []string{}
	}
	return Repository{
		MinimalRepository: minimal(b, r),
		CreatedAt:         Time(r.CreatedAt),
		UpdatedAt:         Time(r.UpdatedAt),
		PushedAt:          Time(pushed(r)),
		CloneURL:          b.Git(full),
		SVNURL:            b.HTML + "/" + full,
		Homepage:          Null(r.Homepage),
		HasIssues:         o.HasIssues, HasProjects: o.HasProjects, HasWiki: o.HasWiki, HasDownloads: &o.HasDownloads, HasDiscussions: o.HasDiscussions,
		HasPullRequests: o.HasPullRequests, PullRequestPolicy: o.PullRequestCreationPolicy,
		Archived: r.Archived, AllowForking: o.AllowForking, IsTemplate: o.IsTemplate, WebCommitSignoffRequired: o.WebCommitSignoffRequired,
		Topics:        topics,
		Visibility:    r.Visibility(),
		DefaultBranch: r.DefaultBranch,
		ForksCount:    r.Forks, Forks: r.Forks,
	}
}

// pushed is when the repository was pushed to last, or made.
func pushed(r *actions.Repository) time.Time {
	if r.PushedAt.IsZero() {
		return r.CreatedAt
	}
	return r.PushedAt
}

// Permissions are what a caller may do with a repository, in the words of REST.
type Permissions struct {
	Admin    bool `json:"admin"`
	Maintain bool `json:"maintain"`
	Push     bool `json:"push"`
	Triage   bool `json:"triage"`
	Pull     bool `json:"pull"`
}

// NewPermissions is the object for p.
func NewPermissions(p actions.Permission) *Permissions {
	return &Permissions{
		Admin:    p >= actions.Admin,
		Maintain: p >= actions.Maintain,
		Push:     p >= actions.Write,
		Triage:   p >= actions.Triage,
		Pull:     p >= actions.Read,
	}
}

// A ListedRepository is a repository in a list.
type ListedRepository struct {
	Repository
	Permissions *Permissions `json:"permissions,omitempty"` // of the caller, who must have signed in
}

// NewListedRepository is the object for r as somebody with permission p sees it;
// p is NoAccess for who has not signed in.
func NewListedRepository(b Base, r *actions.Repository, p actions.Permission) *ListedRepository {
	l := &ListedRepository{Repository: repository(b, r)}
	if p > actions.NoAccess {
		l.Permissions = NewPermissions(p)
	}
	return l
}

// An AdministeredRepository is a repository in a list for who administers them all.
type AdministeredRepository struct {
	ListedRepository
	*MergeOptions // nil if the caller's token does not reach that far
}

// NewAdministeredRepository is the object for r, whose caller has permission p.
func NewAdministeredRepository(b Base, r *actions.Repository, p actions.Permission) *AdministeredRepository {
	v := &AdministeredRepository{ListedRepository: *NewListedRepository(b, r, p)}
	if p >= actions.Admin {
		v.MergeOptions = newMergeOptions(r.Options)
	}
	return v
}

// A FullRepository is the answer to a request for one repository.
type FullRepository struct {
	Repository
	Permissions *Permissions `json:"permissions,omitempty"` // of the caller, who must have signed in

	*AdminsPart // nil for who does not administer the repository

	Parent           *Repository `json:"parent,omitempty"`       // of a fork: what it was made of
	Source           *Repository `json:"source,omitempty"`       // and where all of these come from
	Organization     *SimpleUser `json:"organization,omitempty"` // where an organization owns it
	NetworkCount     int         `json:"network_count"`
	SubscribersCount int         `json:"subscribers_count"`
}

// An AdminsPart is what only who administers a repository sees of it.
type AdminsPart struct {
	MergeOptions
	Security Security `json:"security_and_analysis"`
}

// MergeOptions are how pull requests of a repository may be merged.
type MergeOptions struct {
	AllowSquashMerge    bool `json:"allow_squash_merge"`
	AllowMergeCommit    bool `json:"allow_merge_commit"`
	AllowRebaseMerge    bool `json:"allow_rebase_merge"`
	AllowAutoMerge      bool `json:"allow_auto_merge"`
	DeleteBranchOnMerge bool `json:"delete_branch_on_merge"`
	AllowUpdateBranch   bool `json:"allow_update_branch"`

	UseSquashTitle           *bool  `json:"use_squash_pr_title_as_default,omitempty"` // gone from 2026-03-10 on
	SquashMergeCommitTitle   string `json:"squash_merge_commit_title"`
	SquashMergeCommitMessage string `json:"squash_merge_commit_message"`
	MergeCommitTitle         string `json:"merge_commit_title"`
	MergeCommitMessage       string `json:"merge_commit_message"`
}

// Security is what looks for secrets and holes in a repository. None of it is here.
type Security struct {
	Scanning   Feature `json:"secret_scanning"`
	Protection Feature `json:"secret_scanning_push_protection"`
	Updates    Feature `json:"dependabot_security_updates"`
}

// A Feature is enabled or disabled.
type Feature struct {
	Status string `json:"status"`
}

func newAdminsPart(o actions.RepositoryOptions) *AdminsPart {
	off := Feature{"disabled"}
	return &AdminsPart{MergeOptions: *newMergeOptions(o), Security: Security{off, off, off}}
}

func newMergeOptions(o actions.RepositoryOptions) *MergeOptions {
	titled := o.SquashTitledByPull()
	return &MergeOptions{
		AllowSquashMerge: o.AllowSquashMerge, AllowMergeCommit: o.AllowMergeCommit, AllowRebaseMerge: o.AllowRebaseMerge,
		AllowAutoMerge: o.AllowAutoMerge, DeleteBranchOnMerge: o.DeleteBranchOnMerge, AllowUpdateBranch: o.AllowUpdateBranch,
		UseSquashTitle: &titled, SquashMergeCommitTitle: o.SquashMergeCommitTitle, SquashMergeCommitMessage: o.SquashMergeCommitMessage,
		MergeCommitTitle: o.MergeCommitTitle, MergeCommitMessage: o.MergeCommitMessage,
	}
}

// NewFullRepository is the object for r as somebody with permission p sees it;
// p is NoAccess for who has not signed in.
func NewFullRepository(b Base, r *actions.Repository, p actions.Permission) *FullRepository {
	f := &FullRepository{Repository: repository(b, r)}
	if p > actions.NoAccess {
		f.Permissions = NewPermissions(p)
	}
	if p >= actions.Admin {
		f.AdminsPart = newAdminsPart(r.Options)
	}
	if r.Owner.Type == actions.Organization {
		f.Organization = NewSimpleUser(b, &r.Owner)
	}
	return f
}
