package gitrepo

import (
	"context"
	"strings"
)

// Describe names a commit after the newest tag that it has, or comes after: v1.2-3-g1234567
// is the third commit after v1.2. Without a tag it is the short SHA.
func (v *View) Describe(ctx context.Context, sha string) (string, error) {
	if err := checkSHA(sha); err != nil {
		return "", err
	}
	if _, err := v.Commit(ctx, sha); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, v.git.limits.Time)
	defer cancel()
	name, err := v.output(ctx, "", "describe", "--tags", "--long", "--always", "--abbrev=7", sha)
	return strings.TrimSpace(name), err
}
