package artifactcli

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// printable is untrusted text without what could control a terminal or turn the
// order of what is read.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == ' ' || c != utf8.RuneError && unicode.IsGraphic(c) && !unicode.Is(unicode.Cf, c) {
			return c
		}
		return '�'
	}, text)
}

// quoted is a name that may be hostile, and long.
func quoted(name string) string {
	const most = 120
	if len(name) > most {
		name = name[:most] + "…"
	}
	return "“" + printable(name) + "”"
}

// bytesText is a size for people.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 1<<10 && unit < 5 {
		v /= 1 << 10
		unit++
	}
	if v >= 999.95 && unit < 5 {
		v /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGTP"[unit])
}

// durationText is a duration as people read it.
func durationText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}
