package web

import (
	"bufio"
	"errors"
	"html/template"
	"io"
	"strconv"
)

const (
	headLines = 4000   // of a step that a page shows from its start
	tailLines = 1000   // and from its end, when there are more
	pageLines = 20_000 // of all steps of a page
	maxGroups = 8      // groups within groups
)

// A logWriter writes logs of steps as HTML. What it holds of a log are the last
// lines of one that is too long to be shown whole.
type logWriter struct {
	w    *bufio.Writer
	left int // lines that the page may still show

	step   string // number
	groups int    // open ones
}

// writeStep copies the log of step number n and returns how many lines it has.
func (l *logWriter) writeStep(n int, r io.Reader, raw string) (int64, error) {
	l.step, l.groups = strconv.Itoa(n), 0
	head := min(headLines, l.left)
	tail := make([]string, 0, min(tailLines, l.left-head))
	in := bufio.NewReaderSize(r, 64<<10)
	var count int64
	for {
		text, err := readLine(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			l.closeGroups()
			return count, err
		}
		count++
		switch {
		case count <= int64(head):
			l.writeLine(count, lineOf(string(text)))
			l.left--
		case cap(tail) == 0: // only counted
		case len(tail) < cap(tail):
			tail = append(tail, string(text))
		default:
			tail[(count-int64(head)-1)%int64(cap(tail))] = string(text)
		}
	}
	l.closeGroups()
	l.writeTail(count, count-int64(head), tail, raw)
	return count, nil
}

// writeTail writes the lines that came last; tail is a ring of the rest.
func (l *logWriter) writeTail(count, rest int64, tail []string, raw string) {
	if skipped := rest - int64(len(tail)); skipped > 0 {
		l.text(`<p class="gap">`, strconv.FormatInt(skipped, 10), ` lines are not shown here. <a href="`)
		l.escaped(raw)
		l.text(`">View raw log</a></p>`, "\n")
	}
	for i := range tail {
		at := rest - int64(len(tail)) + int64(i) // counted from the first line behind the head
		l.writeLine(count-int64(len(tail))+int64(i)+1, lineOf(tail[at%int64(cap(tail))]))
		l.left--
	}
	l.closeGroups()
}

// writeLine writes one line. A group is a details element: its line is the
// summary, the lines up to its end are inside.
func (l *logWriter) writeLine(n int64, ln line) {
	switch {
	case ln.Kind == "endgroup":
		if l.groups > 0 {
			l.groups--
			l.text("</details>\n")
		}
		return
	case ln.Kind == "group" && l.groups < maxGroups:
		l.groups++
		l.text("<details><summary>")
		defer l.text("</summary>\n")
	}
	id := "step:" + l.step + ":" + strconv.FormatInt(n, 10)
	l.text(`<div class="l`)
	if ln.Kind != "" {
		l.text(" ", ln.Kind)
	}
	l.text(`" id="`, id, `"><a href="#`, id, `">`, strconv.FormatInt(n, 10), `</a>`)
	if ln.Time != "" {
		l.text("<time>", ln.Time, "</time>")
	}
	l.text("<span>", prefixes[ln.Kind])
	for _, p := range ln.Pieces {
		if p.Class == "" {
			l.escaped(p.Text)
			continue
		}
		l.text(`<i class="`, p.Class, `">`)
		l.escaped(p.Text)
		l.text("</i>")
	}
	l.text("</span></div>\n")
}

// prefixes say in words what a colour says, too.
var prefixes = map[string]string{"error": "Error: ", "warning": "Warning: ", "notice": "Notice: "}

func (l *logWriter) closeGroups() {
	for ; l.groups > 0; l.groups-- {
		l.text("</details>\n")
	}
}

// text writes markup. An error of the connection stays in the writer, and its
// Flush tells.
func (l *logWriter) text(parts ...string) {
	for _, p := range parts {
		_, _ = l.w.WriteString(p)
	}
}

// escaped writes text that is not ours.
func (l *logWriter) escaped(s string) {
	template.HTMLEscape(l.w, []byte(s))
}

// readLine reads a line without its end. Of one longer than the reader's buffer
// it returns the front, and passes over the rest. What it returns holds until the
// next call.
func readLine(in *bufio.Reader) ([]byte, error) {
	text, err := in.ReadSlice('\n')
	switch {
	case err == nil:
		return text[:len(text)-1], nil
	case errors.Is(err, io.EOF) && len(text) > 0:
		return text, nil
	case !errors.Is(err, bufio.ErrBufferFull):
		return nil, err
	}
	front := append([]byte(nil), text[:maxLine+64]...) // and the time
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return front, nil
}
