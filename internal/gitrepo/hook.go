package gitrepo

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// hookScript is the only hook. Git starts it when the pushed objects are
// complete, checked and in quarantine. It reports over descriptor 3 and gets
// the answer over descriptor 4; both were inherited from the server through
// git. Whatever goes wrong, even that the server is gone, means no.
const hookScript = `#!/bin/sh
# Checked at every start; changes are lost.
[ "$1" = probe ] && exit 0
printf '%s\n' "$GIT_QUARANTINE_PATH" >&3 || exit 1
while IFS= read -r line; do
	printf '%s\n' "$line" >&3 || exit 1
done
printf 'end\n' >&3 || exit 1
exec 3>&-
IFS= read -r answer <&4 || exit 1
while IFS= read -r line <&4; do
	printf '%s\n' "$line" >&2
done
[ "$answer" = yes ]
`

// A Refusal is an error that tells a pusher why the server takes none of the
// updates.
type Refusal struct {
	Message string            // shown line by line, as "remote: …"; may be empty
	Reasons map[string]string // by ref: what the client prints beside it
}

func (r *Refusal) Error() string {
	if r.Message != "" {
		return r.Message
	}
	for ref, reason := range r.Reasons {
		return ref + ": " + reason
	}
	return "push refused"
}

// errNotAsked says that git ended before it came to the hook: it had no
// updates, or found the pack wanting.
var errNotAsked = errors.New("hook did not run")

// readProposal reads what the hook sends: the quarantine, the updates, the end.
func readProposal(r io.Reader, limit int) (quarantine string, updates []actions.RefUpdate, err error) {
	lines := bufio.NewScanner(r)
	if !lines.Scan() {
		return "", nil, errNotAsked
	}
	quarantine = lines.Text()
	for lines.Scan() {
		text := lines.Text()
		if text == "end" {
			if len(updates) > limit {
				return "", nil, &Refusal{Message: fmt.Sprintf("error: more than %d refs in one push", limit)}
			}
			return quarantine, updates, nil
		}
		f := strings.SplitN(text, " ", 3)
		if len(f) != 3 || !IsSHA(f[0]) || !IsSHA(f[1]) {
			return "", nil, fmt.Errorf("bad line from hook: %.200q", text)
		}
		if len(updates) > limit {
			continue // the hook listens when it has said everything
		}
		updates = append(updates, actions.RefUpdate{Ref: f[2], Before: f[0], After: f[1]})
	}
	return "", nil, errNotAsked
}

// writeAnswer tells the hook what to do, and the pusher why.
func writeAnswer(w io.Writer, refusal *Refusal) error {
	if refusal == nil {
		_, err := io.WriteString(w, "yes\n")
		return err
	}
	text := "no\n"
	if refusal.Message != "" {
		text += printable(refusal.Message) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// printable keeps text from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
