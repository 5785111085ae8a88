package rest

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

// SelectedRepositories serve the four operations by which an organization selects
// repositories for something of it: a secret, a variable, a runner group, Actions.
type SelectedRepositories struct {
	// Of finds what a request selects for; NotFound where there is no such thing.
	Of func(*http.Request) (actions.Selection, error)
	// List returns a page of a selection and how many repositories it has. It is a
	// Conflict where the thing is not for selected repositories.
	List func(context.Context, actions.Selection, actions.Page) ([]*actions.Repository, int, error)
	// Change changes a selection; the errors are those of [store.Tx.ChangeSelection],
	// and Conflict like that of List.
	Change func(context.Context, actions.Selection, actions.SelectionChange) error

	Whole bool // the list, for who administers the organization alone, has whole repositories, not minimal ones
}

// Get serves GET …/repositories.
func (s SelectedRepositories) Get(w http.ResponseWriter, r *http.Request) error {
	sel, err := s.Of(r)
	if err != nil {
		return err
	}
	l := ListingOf(r)
	list, total, err := s.List(r.Context(), sel, l.Page)
	if err != nil {
		return err
	}
	c, items := CallOf(r), make([]any, 0, len(list))
	for _, repo := range list {
		items = append(items, s.item(c, repo))
	}
	l.Link(w, r, total)
	return httpjson.Write(w, http.StatusOK, struct {
		Total        int   `json:"total_count"`
		Repositories []any `json:"repositories"`
	}{total, items})
}

func (s SelectedRepositories) item(c *Call, repo *actions.Repository) any {
	if !s.Whole {
		return shape.NewMinimalRepository(c.Base, repo)
	}
	return c.AdministeredRepository(repo)
}

// Set serves PUT …/repositories.
func (s SelectedRepositories) Set(w http.ResponseWriter, r *http.Request) error {
	sel, err := s.Of(r)
	if err != nil {
		return err
	}
	var body struct {
		IDs RepositoryIDs `json:"selected_repository_ids"`
	}
	if err := httpjson.Decode(r, &body, httpjson.DefaultLimit); err != nil {
		return err
	}
	if body.IDs == nil {
		return actions.Missing("Repository", "selected_repository_ids")
	}
	return s.change(w, r, sel, actions.SelectionChange{Set: body.IDs})
}

// Add serves PUT …/repositories/{repository_id}.
func (s SelectedRepositories) Add(w http.ResponseWriter, r *http.Request) error {
	return s.one(w, r, func(id int64) actions.SelectionChange { return actions.SelectionChange{Add: id} })
}

// Remove serves DELETE …/repositories/{repository_id}.
func (s SelectedRepositories) Remove(w http.ResponseWriter, r *http.Request) error {
	return s.one(w, r, func(id int64) actions.SelectionChange { return actions.SelectionChange{Remove: id} })
}

func (s SelectedRepositories) one(w http.ResponseWriter, r *http.Request, change func(id int64) actions.SelectionChange) error {
	sel, err := s.Of(r)
	if err != nil {
		return err
	}
	id, err := httpjson.PathID(r, "repository_id")
	if err != nil {
		return err
	}
	return s.change(w, r, sel, change(id))
}

func (s SelectedRepositories) change(w http.ResponseWriter, r *http.Request, sel actions.Selection, c actions.SelectionChange) error {
	if err := s.Change(r.Context(), sel, c); err != nil {
		return actions.InField("Repository", "selected_repository_ids", err)
	}
	return NoContent(w)
}

// RepositoryIDs are the ids of repositories in the body of a request: numbers, or text
// that has a number, which the API took before. Null leaves them nil.
type RepositoryIDs []int64

// UnmarshalJSON reads the ids.
func (ids *RepositoryIDs) UnmarshalJSON(text []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || list == nil {
		return err
	}
	*ids = make(RepositoryIDs, 0, len(list))
	for _, item := range list {
		n, err := strconv.ParseInt(strings.Trim(string(item), `"`), 10, 64)
		if err != nil {
			return actions.BadField("Repository", "selected_repository_ids")
		}
		*ids = append(*ids, n)
	}
	return nil
}
