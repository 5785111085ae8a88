package web

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/logs"
)

// maxNotes is how many of its notes the page of a job shows.
const maxNotes = 100

// A serverNote is a line that the server itself added to the log of a job.
type serverNote struct {
	Number int
	Kind   string // as of a line of a log
	Prefix string // the kind in words
	Text   string
}

// serverNotes are the first of a job's notes. Those that cannot be read are left
// out of the page.
func (s *Site) serverNotes(ctx context.Context, j *actions.Job) []serverNote {
	r, _, err := s.logs.OpenStep(ctx, j, logs.Notes)
	var notes []serverNote
	if err == nil {
		defer r.Close()
		notes, err = readNotes(r)
	}
	if k := actions.KindOf(err); err != nil && k != actions.NotFound && k != actions.Gone && ctx.Err() == nil {
		s.log.WarnContext(ctx, "notes of a job not shown", "job", j.ID, "err", err)
	}
	return notes
}

func readNotes(r io.Reader) (notes []serverNote, err error) {
	in := bufio.NewReaderSize(r, 16<<10)
	for len(notes) < maxNotes {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return notes, err
		}
		ln := lineOf(string(text))
		var b strings.Builder
		for _, p := range ln.Pieces {
			b.WriteString(p.Text)
		}
		notes = append(notes, serverNote{len(notes) + 1, ln.Kind, prefixes[ln.Kind], b.String()})
	}
	return notes, nil
}

// warned says whether one of the notes is for those who only glance at the page.
func warned(notes []serverNote) bool {
	for _, n := range notes {
		if n.Prefix != "" {
			return true
		}
	}
	return false
}
