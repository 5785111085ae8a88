package artifactcli

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// Remove deletes artifacts, by id, or by name in one run.
func (c *Client) Remove(ctx context.Context, t *Terminal, run int64, what []string) error {
	for _, word := range what {
		if isPattern(word) {
			return fmt.Errorf("%s: what is deleted is gone for good, so give whole names, or ids", quoted(word))
		}
		all, err := c.doomed(ctx, run, word)
		if err != nil {
			return interrupted(ctx, err)
		}
		for _, a := range all {
			if err := c.Delete(ctx, a); err != nil {
				return interrupted(ctx, err)
			}
			fmt.Fprintf(t.Out, "%s deleted\n", a)
		}
	}
	return nil
}

// doomed are the artifacts that a word means: one by its id, or all attempts' of a
// name in a run.
func (c *Client) doomed(ctx context.Context, run int64, word string) ([]*Artifact, error) {
	if a, err := c.anyByID(ctx, run, word); a != nil || err != nil {
		return []*Artifact{a}, err
	}
	if _, err := strconv.ParseInt(word, 10, 64); run == 0 && err == nil {
		return nil, fmt.Errorf("%s has no artifact with the ID %s; for one with this name, give --run ID too", c.repo, word)
	}
	if run == 0 {
		return nil, fmt.Errorf("%s: an artifact of this name may be in many runs: give --run ID too, or its ID (understudy artifact list shows both)", quoted(word))
	}
	all, _, err := c.List(ctx, Query{Run: run, Names: []string{word}})
	if err == nil && len(all) == 0 {
		err = c.missing(ctx, run, word, false)
	}
	return all, err
}

// Delete removes an artifact for good.
func (c *Client) Delete(ctx context.Context, a *Artifact) error {
	return c.explain(a.String(), c.api.Do(ctx, http.MethodDelete, c.path(artifactPath(a.ID)), nil, nil))
}
