package actions

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// A Repository holds code and the workflows that run on it.
type Repository struct {
	ID            int64
	Owner         Account
	Name          string // compared without case
	Description   string
	Homepage      string // URL; empty for none
	Topics        []string
	Private       bool
	Internal      bool   // private, and every account may read it: only an organization's
	Archived      bool   // read-only, and nothing runs
	DefaultBranch string // short name: "main"
	Options       RepositoryOptions
	CreatedAt     time.Time
	UpdatedAt     time.Time
	PushedAt      time.Time // zero until the first push

	ParentID  int64 // of a fork: what it was made of; 0 for another repository, or once that is gone
	Forks     int   // how many were made of it
	NetworkID int64 // of the repository that it and its forks come from, which may be gone
}

// Fork says whether the repository was made of another one.
func (r *Repository) Fork() bool { return r.NetworkID != r.ID }

// FullName is "owner/name".
func (r *Repository) FullName() string { return r.Owner.Login + "/" + r.Name }

// Visibility is GitHub's word for who may read the repository: "public", "internal" or
// "private".
func (r *Repository) Visibility() string {
	switch {
	case r.Internal:
		return "internal"
	case r.Private:
		return "private"
	}
	return "public"
}

// SetVisibility is the opposite of [Repository.Visibility].
func (r *Repository) SetVisibility(word string) error {
	switch {
	case word != "public" && word != "internal" && word != "private":
		return InField("Repository", "visibility", Errorf(Invalid, "visibility must be public, internal or private"))
	case word == "internal" && r.Owner.Type != Organization:
		return InField("Repository", "visibility", Errorf(Invalid, "Only organization-owned repositories can have internal visibility"))
	}
	r.Private, r.Internal = word != "public", word == "internal"
	return nil
}

// ErrArchived refuses what would change an archived repository, in GitHub's words.
var ErrArchived = Errorf(Forbidden, "Repository was archived so is read-only.")

// RepositoryName is name with a hyphen for whatever cannot be in one, as on GitHub.
func RepositoryName(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			return c
		}
		return '-'
	}, name)
}

var repositoryPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

// CheckRepositoryName says whether name may name a new repository.
func CheckRepositoryName(name string) error {
	lower := strings.ToLower(name)
	if !repositoryPattern.MatchString(name) || name == "." || name == ".." ||
		strings.HasSuffix(lower, ".git") || strings.HasSuffix(lower, ".wiki") || strings.HasSuffix(lower, ".lock") {
		return Errorf(Invalid, "repository name %q may only contain ASCII letters, digits, '.', '-' and '_', has at most 100 characters, and cannot end in .git, .wiki or .lock", name)
	}
	return nil
}

const maxTopics = 20

var topicPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,49}$`)

// CheckTopics returns the topics that names stand for, each once and in lower case, or
// says what cannot be one.
func CheckTopics(names []string) ([]string, error) {
	topics := make([]string, 0, len(names))
	for _, name := range names {
		topic := strings.ToLower(name)
		if !topicPattern.MatchString(topic) {
			return nil, Errorf(Invalid, "Topics must start with a lowercase letter or number, consist of 50 characters or less, and can include hyphens.")
		}
		if !slices.Contains(topics, topic) {
			topics = append(topics, topic)
		}
		if len(topics) > maxTopics {
			return nil, Errorf(Invalid, "A repository cannot have more than %d topics.", maxTopics)
		}
	}
	return topics, nil
}

// CheckBranch says whether name is a branch name that git accepts and that can
// never be taken for an option.
func CheckBranch(name string) error {
	bad := name == "" || len(name) > 244 || !utf8.ValidString(name) || name == "@" || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "/") ||
		strings.HasSuffix(name, "/") || strings.HasSuffix(name, ".") || strings.Contains(name, "//") ||
		strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.ContainsAny(name, " ~^:?*[\\\x7f")
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	for _, c := range name {
		bad = bad || c < ' '
	}
	if bad {
		return Errorf(Invalid, "%q is not a valid branch name", name)
	}
	return nil
}
