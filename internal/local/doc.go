// Package local is what the command line does for people who write workflows: it checks
// workflow files, evaluates expressions, and says which jobs would run. It needs no
// server. What it says comes from the packages by which the server reads, plans and
// evaluates, so it is what the server would do.
//
// [Check] reads files and returns findings: errors are those for which a server refuses
// the file, warnings what is likely not meant, each under a name by which it can be
// switched off. [Eval] evaluates one expression. [Plan] plans the runs of an event in a
// working tree, files that are not committed included, as if all jobs succeeded.
//
// All input is untrusted: files are read up to a size, only if they are files, and those
// that a workflow names only from below the root of its repository. What is printed has
// nothing in it that could steer a terminal.
package local

import (
	"errors"
	"io"
	"strings"
	"unicode"
)

// ErrTold is the error of a command that has printed what is wrong.
var ErrTold = errors.New("what is wrong is printed already")

// A Terminal is where output goes.
type Terminal struct {
	Out         io.Writer
	Interactive bool // somebody looks at it
}

// printable is text without what could steer a terminal or look like another line.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return '\ufffd'
		}
		return c
	}, s)
}
