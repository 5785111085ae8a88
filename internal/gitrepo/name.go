package gitrepo

import (
	"strings"
	"unicode/utf8"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	maxRefName = 255
	maxPath    = 4096
)

// IsSHA tells whether s is a full, lower-case object name.
func IsSHA(s string) bool {
	if len(s) != len(actions.ZeroSHA) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// CheckRef tells whether name, in full, may be the name of a ref. The rules
// are git's, and GitHub's: the server's own refs/pull is closed, no part
// begins with a dash, and a branch or tag is not named like a commit.
func CheckRef(name string) error {
	rest, ok := strings.CutPrefix(name, "refs/")
	switch {
	case len(name) > maxRefName:
		return actions.Errorf(actions.Invalid, "ref name is longer than %d bytes", maxRefName)
	case !utf8.ValidString(name):
		return actions.Errorf(actions.Invalid, "ref name is not valid UTF-8")
	case !ok || !strings.Contains(rest, "/") || !validParts(rest):
		return actions.Errorf(actions.Invalid, "%q is not a valid ref name", name)
	case strings.HasPrefix(name, actions.PullPrefix):
		return actions.Errorf(actions.Invalid, "%s: refs/pull is read-only", name)
	}
	for _, prefix := range []string{actions.BranchPrefix, actions.TagPrefix} {
		short, ok := strings.CutPrefix(name, prefix)
		if ok && (short == "HEAD" || IsSHA(strings.ToLower(short))) {
			return actions.Errorf(actions.Invalid, "branch or tag names like %q are not allowed", short)
		}
	}
	return nil
}

func validParts(name string) bool {
	if strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.HasSuffix(name, ".") {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == 0x7f || strings.IndexByte(`~^:?*[\`, c) >= 0 {
			return false
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || part[0] == '-' || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// checkPath allows paths inside a commit: relative, clean, on one line. The
// empty path is the root.
func checkPath(path string) error {
	bad := len(path) > maxPath || strings.ContainsAny(path, "\n\r\x00")
	if path != "" {
		for part := range strings.SplitSeq(path, "/") {
			bad = bad || part == "" || part == "." || part == ".."
		}
	}
	if bad {
		return actions.Errorf(actions.Invalid, "%.100q is not a valid path", path)
	}
	return nil
}

func checkSHA(sha string) error {
	if !IsSHA(sha) {
		return actions.Errorf(actions.Invalid, "%.50q is not a commit SHA", sha)
	}
	return nil
}
