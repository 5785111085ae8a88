package worker

import (
	"cmp"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

// annotation makes an annotation of a notice, warning or error command.
func (o *output) annotation(c command) wire.Annotation {
	a := wire.Annotation{Message: c.data, Title: c.props["title"]}
	switch c.name {
	case "error":
		a.Level = wire.LevelFailure
	case "warning":
		a.Level = wire.LevelWarning
	default:
		a.Level = wire.LevelNotice
	}
	if a.Path = c.props["file"]; a.Path != "" {
		if rel, ok := strings.CutPrefix(a.Path, o.seen(o.job.workspace)+"/"); ok {
			a.Path = rel
		}
		a.Path = filepath.ToSlash(a.Path)
	}
	line, endLine := number(c.props["line"]), number(c.props["endline"])
	col, endCol := number(c.props["col"]), number(c.props["endcolumn"])
	if line > endLine && endLine != 0 { // neither counts
		line, endLine = 0, 0
	}
	line, endLine = cmp.Or(line, endLine), cmp.Or(endLine, line)
	if line == 0 || line != endLine { // columns belong to one line
		col, endCol = 0, 0
	}
	if col > endCol && endCol != 0 {
		col, endCol = 0, 0
	}
	col, endCol = cmp.Or(col, endCol), cmp.Or(endCol, col)
	a.StartLine, a.EndLine, a.StartColumn, a.EndColumn = line, endLine, col, endCol
	return a
}

// number is the value of a property that counts from 1, otherwise 0.
func number(s string) wire.Int {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil || n < 0 {
		return 0
	}
	return wire.Int(n)
}
