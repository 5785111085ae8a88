package gitrepo

import (
	"context"
	"fmt"
	"io"
	"regexp"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Format is a kind of archive.
type Format string

// The formats of Archive.
const (
	Tar   Format = "tar"
	TarGz Format = "tar.gz"
	Zip   Format = "zip"
)

var archivePrefix = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

const maxArchivePrefix = 251 // bytes: a count in the pattern itself takes 6 ms of each start

// Archive writes the files of a commit to w as they come. All of them are in
// one directory named prefix. When it fails, w may have got a part.
func (v *View) Archive(ctx context.Context, sha, prefix string, format Format, w io.Writer) error {
	if err := checkSHA(sha); err != nil {
		return err
	}
	if len(prefix) > maxArchivePrefix || !archivePrefix.MatchString(prefix) {
		return actions.Errorf(actions.Invalid, "%.50q cannot be the directory of an archive", prefix)
	}
	if format != Tar && format != TarGz && format != Zip {
		return actions.Errorf(actions.Invalid, "%.50q is not a format of archives", format)
	}
	if _, err := v.Commit(ctx, sha); err != nil { // before w gets a byte
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.git.limits.Time)
	defer cancel()
	cmd := v.command(ctx, "archive", "--format="+string(format), "--prefix="+prefix+"/", sha)
	var stderr tail
	cmd.Stdout, cmd.Stderr = w, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("repository %d: git archive: %w: %s", v.id, err, stderr.String())
	}
	return nil
}
