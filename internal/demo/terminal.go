package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Terminal is where the demo shows what happens.
type Terminal struct {
	Out         io.Writer
	Interactive bool                      // lines can be written anew
	Color       bool                      // shows colours
	Size        func() (width, lines int) // of an interactive one; 0 when it is not known
}

// A paint is the SGR parameter of a colour or weight.
type paint string

const (
	bold   paint = "1"
	faint  paint = "2"
	red    paint = "31"
	green  paint = "32"
	yellow paint = "33"
	cyan   paint = "36"
)

func (t *Terminal) paint(p paint, text string) string {
	if !t.Color || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

func (t *Terminal) printf(format string, args ...any) {
	_, _ = fmt.Fprintf(t.Out, format, args...) // who closed it wants no more
}

func (t *Terminal) size() (width, lines int) {
	if t.Size != nil {
		width, lines = t.Size()
	}
	if width <= 0 {
		width = 80
	}
	if lines <= 0 {
		lines = 24
	}
	return width, lines
}

// printable is text that cannot steer a terminal.
func printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		if n := escapeLen(text); n > 0 {
			text = text[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch {
		case r == '\t':
			b.WriteString("    ")
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		case unicode.IsPrint(r):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// escapeLen is how long the control sequence is that text begins with.
func escapeLen(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	for i := 2; i < len(text); i++ {
		if text[i] >= '@' && text[i] <= '~' {
			return i + 1
		}
	}
	return len(text)
}

// cut is text in at most width columns.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width < 1 {
		return ""
	}
	return string([]rune(text)[:width-1]) + "…"
}

// pad is text in width columns.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// took is a duration as people read it.
func took(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
}
