package rest

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/store"
)

// What more than one page finds by the parameters of a path. What is of another
// repository than the call's is not found.

// PathRun finds the run that {run_id} names.
func PathRun(r *http.Request, st *store.Store) (*actions.Run, error) {
	id, err := httpjson.PathID(r, "run_id")
	if err != nil {
		return nil, err
	}
	return st.RepoRun(r.Context(), CallOf(r).Repo.ID, id)
}

// PathAttempt finds the run and the attempt that {run_id} and {attempt_number} name.
func PathAttempt(r *http.Request, st *store.Store) (*actions.Run, *actions.Attempt, error) {
	run, err := PathRun(r, st)
	if err != nil {
		return nil, nil, err
	}
	number, err := strconv.Atoi(r.PathValue("attempt_number"))
	if err != nil {
		return nil, nil, ErrNotFound
	}
	at, err := st.Attempt(r.Context(), run.ID, number)
	return run, at, err
}

// PathWorkflow finds the workflow that {workflow_id} names, by its id or the name
// of its file.
func PathWorkflow(r *http.Request, st *store.Store) (*actions.Workflow, error) {
	repo, text := CallOf(r).Repo, r.PathValue("workflow_id")
	if id, err := strconv.ParseInt(text, 10, 64); err == nil {
		return st.Workflow(r.Context(), repo.ID, id)
	}
	return st.WorkflowByPath(r.Context(), repo.ID, actions.WorkflowPath(strings.TrimPrefix(text, actions.WorkflowPath(""))))
}

// PathUser finds the person that {username} names.
func PathUser(r *http.Request, st *store.Store) (*actions.Account, error) {
	u, err := st.AccountByLogin(r.Context(), r.PathValue("username"))
	if err != nil {
		return nil, err
	}
	if u.Type != actions.User {
		return nil, ErrNotFound
	}
	return u, nil
}
