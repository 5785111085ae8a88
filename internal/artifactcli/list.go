package artifactcli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Print prints artifacts as a table, or as JSON.
func (c *Client) Print(ctx context.Context, t *Terminal, q Query, asJSON bool) error {
	found, more, err := c.List(ctx, q)
	if err != nil {
		return interrupted(ctx, err)
	}
	if more {
		fmt.Fprintf(t.Notes, "these are the newest %d; there are more: --limit 0 for all\n", len(found))
	}
	if asJSON {
		if found == nil {
			found = []*Artifact{}
		}
		enc := json.NewEncoder(t.Out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(found)
	}
	if len(found) == 0 {
		fmt.Fprintln(t.Notes, "no artifacts")
		return nil
	}
	return table(t, found, c.now())
}

func table(t *Terminal, found []*Artifact, now time.Time) error {
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tID\tSIZE\tDIGEST\tCREATED\tEXPIRES\tRUN")
	for _, a := range found {
		expires := "in " + roughly(a.ExpiresAt.Sub(now))
		if a.Expired {
			expires = "expired"
		} else if a.ExpiresAt.IsZero() {
			expires = "never"
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\n", printable(a.Name), a.ID, bytesText(a.Size), shortDigest(a.Digest),
			roughly(now.Sub(a.CreatedAt))+" ago", expires, a.Run.ID)
	}
	return w.Flush()
}

// shortDigest is enough of a digest to tell two apart.
func shortDigest(digest string) string {
	const enough = 12
	_, hex, ok := strings.Cut(digest, ":")
	if !ok || len(hex) < enough {
		return "-"
	}
	return printable(hex[:enough])
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

// roughly is a time in its largest unit. It is rounded: what was made to be kept
// for 90 days expires in 90 days, and not in 89.
func roughly(d time.Duration) string {
	d = max(d, 0)
	in := func(unit time.Duration) int64 { return int64(d.Round(unit) / unit) }
	n, unit := in(24*time.Hour), "day"
	switch {
	case d < 2*time.Minute:
		n, unit = in(time.Second), "second"
	case d < 2*time.Hour:
		n, unit = in(time.Minute), "minute"
	case d < 48*time.Hour:
		n, unit = in(time.Hour), "hour"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
