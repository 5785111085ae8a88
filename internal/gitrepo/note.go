package gitrepo

import (
	"fmt"
	"io"
	"strconv"

	"github.com/understudy-ci/understudy/internal/actions"
)

// noteForClones is what clients that clone a repository get to read. It is empty
// when there is nothing to say: HEAD stands at a branch that exists. Otherwise git
// checks out nothing, and its own words about that name no branch.
func (g *Git) noteForClones(id int64) string {
	branch, err := g.Head(id)
	if err != nil || branch == "" {
		return ""
	}
	if sha, err := g.View(id).ref(actions.BranchPrefix + branch); err != nil || sha != "" {
		return ""
	}
	return fmt.Sprintf("warning: the default branch '%s' of this repository does not exist, so nothing is checked out.\n"+
		"Check out one that does (git branch -r lists them), push '%[1]s', or make another branch the default one.\n", printable(branch))
}

// An answer passes on what git answers to a fetch in version 2 of the protocol, and
// puts a note before the pack, as progress.
type answer struct {
	w     io.Writer
	note  string // empty when there is none, or it is written
	begun bool   // git has answered something
	held  []byte // the beginning of a packet
}

func (a *answer) Write(p []byte) (int, error) {
	a.begun = true
	if a.note == "" {
		return a.w.Write(p)
	}
	a.held = append(a.held, p...)
	for a.note != "" && len(a.held) >= 4 {
		n, err := strconv.ParseUint(string(a.held[:4]), 16, 16)
		size := max(int(n), 4)
		switch {
		case err != nil: // no packet: git is not to be understood
			a.note = ""
			continue
		case len(a.held) < size:
			return len(p), nil
		}
		next := packet(a.held[:size])
		a.held = a.held[size:]
		if string(next.payload()) == "packfile\n" {
			next = append(next[:size:size], pktLine(append([]byte{bandProgress}, a.note...))...)
			a.note = ""
		}
		if _, err := a.w.Write(next); err != nil {
			return 0, err
		}
	}
	if a.note != "" || len(a.held) == 0 {
		return len(p), nil
	}
	_, err := a.w.Write(a.held)
	a.held = nil
	return len(p), err
}
