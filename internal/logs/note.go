package logs

import (
	"context"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Notes stands for the step of lines that the server itself adds to the log of
// a job. They come first, also when the runner sends the log of the whole job.
const Notes = "00000000-0000-0000-0000-000000000001"

// Note adds lines of the server's own to the log of a job, as the part of that
// number (see [Logs.NewPart]). The same part again replaces what was noted.
func (l *Logs) Note(ctx context.Context, job *actions.Job, part int64, lines ...string) error {
	var b strings.Builder
	stamp := string(wire.AppendLogTime(nil, l.now()))
	for _, line := range lines {
		b.WriteString(stamp + strings.Map(printable, line) + "\n")
	}
	return l.PutPart(ctx, job, Notes, part, strings.NewReader(b.String()))
}

// printable leaves out what would end the line or act on a terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}
