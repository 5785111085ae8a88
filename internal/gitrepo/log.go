package gitrepo

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A LogFilter says which commits of a history to list. What is zero is not asked.
type LogFilter struct {
	Path       string   // that changed this file, or something below this directory
	Authors    []string // parts of "Name <address>", of which one is enough
	Committers []string
	Since      time.Time
	Until      time.Time
}

// Log lists a page of the history of a commit, the newest first, and says whether there is
// more after it.
func (v *View) Log(ctx context.Context, sha string, f LogFilter, p actions.Page) (commits []*Commit, more bool, err error) {
	if err := checkSHA(sha); err != nil {
		return nil, false, err
	}
	if err := checkPath(f.Path); err != nil {
		return nil, false, err
	}
	ctx, cancel := context.WithTimeout(ctx, v.git.limits.Time)
	defer cancel()
	args := []string{
		"--literal-pathspecs", "rev-list", "--fixed-strings", "--regexp-ignore-case",
		"--max-count=" + strconv.Itoa(p.Size+1), "--skip=" + strconv.Itoa(p.Offset()),
	}
	for _, who := range f.Authors {
		args = append(args, "--author="+who)
	}
	for _, who := range f.Committers {
		args = append(args, "--committer="+who)
	}
	if !f.Since.IsZero() {
		args = append(args, "--max-age="+strconv.FormatInt(max(f.Since.Unix(), 0), 10))
	}
	if !f.Until.IsZero() {
		args = append(args, "--min-age="+strconv.FormatInt(max(f.Until.Unix(), 0), 10))
	}
	args = append(args, sha, "--")
	if f.Path != "" {
		args = append(args, f.Path)
	}
	out, err := v.output(ctx, "", args...)
	if err != nil {
		return nil, false, err
	}
	shas := strings.Fields(out)
	more = len(shas) > p.Size
	for _, s := range shas[:min(len(shas), p.Size)] {
		c, err := v.Commit(ctx, s)
		if err != nil {
			return nil, false, err
		}
		commits = append(commits, c)
	}
	return commits, more, nil
}

// IsAbbreviation says whether s may stand for the SHA that begins with it.
func IsAbbreviation(s string) bool {
	const least = 4
	if len(s) < least || len(s) >= len(actions.ZeroSHA) {
		return false
	}
	return IsSHA(s + actions.ZeroSHA[len(s):])
}

// Abbreviated finds the only commit whose SHA begins with s.
func (v *View) Abbreviated(ctx context.Context, s string) (string, error) {
	if !IsAbbreviation(s) {
		return "", actions.Errorf(actions.NotFound, "no commit found for %.200q", s)
	}
	var o object
	err := v.read(ctx, func(c *catFile) (err error) {
		o, err = c.info(s + "^{commit}")
		return err
	})
	return o.sha, err
}
