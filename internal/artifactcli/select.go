package artifactcli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/client"
)

// find returns the artifacts that words and names mean: ids, names, and patterns of
// names. Of several with one name it is the newest that can be read. expired are
// those that a pattern means, or the run has, and that cannot be read any more.
func (c *Client) find(ctx context.Context, run int64, words, names []string) (found, expired []*Artifact, err error) {
	names = slices.Clone(names)
	for _, word := range words {
		a, err := c.byID(ctx, run, word)
		switch {
		case err != nil:
			return nil, nil, err
		case a == nil:
			names = append(names, word)
		default:
			found = append(found, a)
		}
	}
	if len(names) == 0 && len(words) > 0 {
		return found, nil, nil
	}
	q := Query{Run: run, Names: names}
	if run == 0 && !slices.ContainsFunc(names, isPattern) {
		q.Limit = pageSize * len(names) // the newest of each is among them, or all have expired
	}
	named, _, err := c.List(ctx, q)
	if err != nil {
		return nil, nil, err
	}
	live, expired := newest(named)
	for _, name := range names {
		fits := func(a *Artifact) bool { return matches(name, a.Name) }
		if !slices.ContainsFunc(live, fits) {
			return nil, nil, c.missing(ctx, run, name, slices.ContainsFunc(expired, fits))
		}
	}
	return append(found, live...), expired, nil
}

// byID is the artifact whose id a word is, nil where it is none.
func (c *Client) byID(ctx context.Context, run int64, word string) (*Artifact, error) {
	a, err := c.anyByID(ctx, run, word)
	if a != nil && a.Expired {
		return nil, fmt.Errorf("%s has expired, on %s, and its bytes are gone: run its workflow again", a, day(a.ExpiresAt))
	}
	return a, err
}

// anyByID is the same, also for one that has expired.
func (c *Client) anyByID(ctx context.Context, run int64, word string) (*Artifact, error) {
	id, err := strconv.ParseInt(word, 10, 64)
	if err != nil || id <= 0 || strings.TrimLeft(word, "0123456789") != "" {
		return nil, nil
	}
	a, err := c.Get(ctx, id)
	switch {
	case client.StatusOf(err) == http.StatusNotFound:
		return nil, nil // it may be a name
	case err != nil:
		return nil, err
	case run != 0 && a.Run.ID != run:
		return nil, fmt.Errorf("%s is of run %d, not %d", a, a.Run.ID, run)
	}
	return a, nil
}

// newest keeps one artifact of each name: of a list that begins with the newest,
// the first that can be read. expired are those whose name has none.
func newest(all []*Artifact) (live, expired []*Artifact) {
	seen := make(map[string]bool)
	for _, a := range all {
		if !a.Expired && !seen[a.Name] {
			seen[a.Name] = true
			live = append(live, a)
		}
	}
	for _, a := range all {
		if a.Expired && !seen[a.Name] {
			seen[a.Name] = true
			expired = append(expired, a)
		}
	}
	return live, expired
}

// missing is the error for a name that no artifact has, with those that there are.
func (c *Client) missing(ctx context.Context, run int64, name string, expired bool) error {
	where := "of " + c.repo
	if run != 0 {
		where = fmt.Sprintf("of run %d of %s", run, c.repo)
	}
	if expired {
		return fmt.Errorf("artifact %s %s has expired and its bytes are gone: run its workflow again", quoted(name), where)
	}
	const some = 10
	there, more, err := c.List(ctx, Query{Run: run, Limit: some})
	if err != nil {
		return err
	}
	if len(there) == 0 {
		return fmt.Errorf("there is no artifact %s %s: it has none yet", quoted(name), where)
	}
	var names []string
	for _, a := range there {
		if text := printable(a.Name); !slices.Contains(names, text) {
			names = append(names, text)
		}
	}
	if more {
		names = append(names, "…")
	}
	return fmt.Errorf("there is no artifact %s %s: it has %s", quoted(name), where, strings.Join(names, ", "))
}
