package gitrepo

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A Commit is one commit as its author made it. Text that is not UTF-8 has
// replacement characters.
type Commit struct {
	actions.Commit
	Parents []string
}

const maxCommit = 4 << 20

// Commit reads the commit with the SHA, or the one that a tag with the SHA is
// about.
func (v *View) Commit(ctx context.Context, sha string) (*Commit, error) {
	if err := checkSHA(sha); err != nil {
		return nil, err
	}
	var commit *Commit
	err := v.read(ctx, func(c *catFile) error {
		o, data, err := c.contents(sha+"^{commit}", maxCommit)
		if err == nil {
			commit = parseCommit(o.sha, string(data))
		}
		return err
	})
	return commit, err
}

// parseCommit reads what git has already found to be a commit. Fields that
// make no sense stay empty.
func parseCommit(sha, text string) *Commit {
	head, message, _ := strings.Cut(text, "\n\n")
	c := &Commit{Commit: actions.Commit{SHA: sha, Message: strings.TrimRight(strings.ToValidUTF8(message, "\ufffd"), "\n")}}
	for line := range strings.SplitSeq(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.Tree = strings.ToValidUTF8(value, "\ufffd")
		case "parent":
			c.Parents = append(c.Parents, strings.ToValidUTF8(value, "\ufffd"))
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		case "gpgsig", "mergetag", "": // their lines go on to the end, and name nothing of ours
		}
	}
	return c
}

// parseSignature reads "Name <email> seconds zone".
func parseSignature(s string) actions.Signature {
	s = strings.ToValidUTF8(s, "\ufffd")
	name, rest, _ := strings.Cut(s, "<")
	end := strings.LastIndexByte(rest, '>')
	if end < 0 {
		return actions.Signature{Name: strings.TrimSpace(name)}
	}
	sig := actions.Signature{Name: strings.TrimSpace(name), Email: rest[:end]}
	fields := strings.Fields(rest[end+1:])
	if len(fields) == 0 {
		return sig
	}
	const (
		year9999 = 253402300799 // what JSON can say
		day      = 24 * 3600
	)
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || seconds < 0 || seconds > year9999-day {
		return sig
	}
	sig.Time = time.Unix(seconds, 0).UTC()
	if len(fields) > 1 {
		if zone, err := time.Parse("-0700", fields[1]); err == nil {
			switch _, offset := zone.Zone(); {
			case offset == 0:
				sig.Time = sig.Time.UTC()
			case max(offset, -offset) < day: // JSON has no other zones; git does
				sig.Time = sig.Time.In(zone.Location())
			}
		}
	}
	return sig
}
