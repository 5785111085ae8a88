package worker

import (
	"bytes"
	"strings"

	"github.com/google/uuid"
)

// A summary is what the steps of a record have written about themselves and the sink
// does not have yet, masked. Steps inside of a composite action share it, as long as
// it does not become larger than one step's may be. Then the next one begins, by an
// id of its own.
type summary struct {
	id   string // "" for that of the record
	text bytes.Buffer
}

// summarize adds a text to the summary, masked line by line, unless it is too large
// for one step; it returns the size that it has. Lines end in a line feed, the last one
// too if there is room for it.
func (r *record) summarize(text string) int {
	var masked bytes.Buffer
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		masked.Write(r.mask.Line([]byte(strings.TrimRight(line, "\r\n"))))
		if strings.HasSuffix(line, "\n") || masked.Len() < maxSummary {
			masked.WriteByte('\n')
		}
	}
	size := masked.Len()
	if size > maxSummary {
		return size
	}
	r.mu.Lock()
	full := r.summary.text.Len()+size > maxSummary
	r.mu.Unlock()
	if full {
		r.sendSummary()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.summary.text.Write(masked.Bytes())
	return size
}

// sendSummary gives the summary to the sink, if there is one.
func (r *record) sendSummary() {
	r.mu.Lock()
	s := r.summary
	if s.id == "" {
		s.id = r.state.ExternalID
	}
	if s.text.Len() > 0 {
		r.summary = summary{id: uuid.NewString()}
	}
	r.mu.Unlock()
	if s.text.Len() == 0 {
		return
	}
	if err := r.sink.Summary(s.id, int64(s.text.Len()), bytes.NewReader(s.text.Bytes())); err != nil {
		r.fail("Failed to create step summary using 'GITHUB_STEP_SUMMARY': " + err.Error())
	}
}
