package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/shape"
)

// GraphQL answers POST /api/graphql: the viewer and repositories, as far as gh
// asks for them when it works with Actions. A field that is not known is an
// error that names it.
func (a *API) GraphQL() http.Handler {
	op := newEndpoint(Route{
		Pattern: "POST /graphql", Docs: "graphql", Handle: a.query, Need: auth.Need{On: auth.Site, Public: true}, // who has not signed in hears it in words
	})
	serve := a.serve(op)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.setCommonHeaders(w.Header())
		if r.Method != http.MethodPost {
			a.fail(w, r, &op.Route, ErrNotFound)
			return
		}
		serve.ServeHTTP(w, r)
	})
}

// query serves POST /graphql.
func (a *API) query(w http.ResponseWriter, r *http.Request) error {
	if CallOf(r).Caller.Anonymous() {
		return actions.Errorf(actions.Unauthorized, "This endpoint requires you to be authenticated.")
	}
	var body struct {
		Query     string         `json:"query"`
		Operation string         `json:"operationName"`
		Variables map[string]any `json:"variables"`
	}
	if err := httpjson.Decode(r, &body, 2*maxQuery); err != nil {
		return err
	}
	if body.Query == "" {
		return actions.Errorf(actions.Malformed, "A query attribute must be specified and must be a string.")
	}
	var answer struct {
		Data   *fields     `json:"data,omitempty"`
		Errors []*gqlError `json:"errors,omitempty"`
	}
	doc, problem := parseQuery(body.Query)
	var op *operation
	if problem == nil {
		op, problem = doc.pick(body.Operation)
	}
	if problem == nil && op.kind != "query" {
		problem = &gqlError{Message: "Only queries are served, no " + op.kind + "s", Extensions: map[string]any{"code": "undefinedOperation"}}
	}
	if problem != nil {
		answer.Errors = []*gqlError{problem}
		return httpjson.Write(w, http.StatusOK, answer)
	}
	g := &graph{a, r}
	answer.Data, answer.Errors = execute(r.Context(), doc, op, body.Variables, g.root())
	for _, e := range answer.Errors {
		if e.Type == "INTERNAL" {
			return errors.New(e.Message) // logged, and answered without the text
		}
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

// fieldError is what a field's error looks like to the caller.
func fieldError(err error, path []any, at place) *gqlError {
	e := &gqlError{Message: httpjson.Message(err), Path: path, Locations: []place{at}}
	switch actions.KindOf(err) {
	case actions.NotFound:
		e.Type = "NOT_FOUND"
		if named, ok := errors.AsType[*notResolved](err); ok {
			e.Message = named.text
		}
	case actions.Forbidden, actions.Unauthorized:
		e.Type = "FORBIDDEN"
	case actions.Internal:
		e.Type, e.Message = "INTERNAL", err.Error()
	default:
		e.Type = "UNPROCESSABLE"
	}
	return e
}

// A notResolved is the NotFound of an object that the query names.
type notResolved struct{ text string }

func (e *notResolved) Error() string { return e.text }

// A graph answers the fields of one request.
type graph struct {
	api *API
	r   *http.Request
}

func (g *graph) root() *object {
	c := CallOf(g.r)
	return &object{"Query", map[string]resolver{
		"viewer":     constant(g.user(c.Caller.Account)),
		"repository": g.repository,
	}}
}

func (g *graph) user(u *actions.Account) *object {
	b := CallOf(g.r).Base
	return &object{string(u.Type), map[string]resolver{
		"id":         constant(shape.NodeID(string(u.Type), u.ID)),
		"databaseId": constant(u.ID),
		"login":      constant(u.Login),
		"name":       constant(shape.Null(u.Name)),
		"url":        constant(b.HTML + "/" + u.Login),
	}}
}

func (g *graph) repository(ctx context.Context, args map[string]any) (any, error) {
	owner, _ := args["owner"].(string)
	name, _ := args["name"].(string)
	missing := actions.Errorf(actions.NotFound, "%w", &notResolved{"Could not resolve to a Repository with the name '" + owner + "/" + name + "'."})
	c := CallOf(g.r)
	repo, err := g.api.Auth.Repository(ctx, owner, name)
	if actions.KindOf(err) == actions.NotFound {
		return nil, missing
	} else if err != nil {
		return nil, err
	}
	p, err := g.api.Auth.Permission(ctx, c.Caller, repo)
	switch {
	case err != nil:
		return nil, err
	case p == actions.NoAccess:
		return nil, missing
	}
	return g.repositoryObject(repo, p), nil
}

func (g *graph) repositoryObject(repo *actions.Repository, p actions.Permission) *object {
	b := CallOf(g.r).Base
	branch := &object{"Ref", map[string]resolver{
		"name":   constant(repo.DefaultBranch),
		"prefix": constant("refs/heads/"),
	}}
	visibility := map[bool]string{true: "PRIVATE", false: "PUBLIC"}[repo.Private]
	return &object{"Repository", map[string]resolver{
		"id":                    constant(shape.NodeID("Repository", repo.ID)),
		"databaseId":            constant(repo.ID),
		"name":                  constant(repo.Name),
		"nameWithOwner":         constant(repo.FullName()),
		"owner":                 constant(g.user(&repo.Owner)),
		"description":           constant(shape.Null(repo.Description)),
		"url":                   constant(b.HTML + "/" + repo.FullName()),
		"sshUrl":                constant(shape.NewRepository(b, repo).SSHURL),
		"isPrivate":             constant(repo.Private),
		"visibility":            constant(visibility),
		"isFork":                constant(false),
		"isArchived":            constant(false),
		"isEmpty":               constant(repo.PushedAt.IsZero()),
		"createdAt":             constant(shape.Time(repo.CreatedAt)),
		"updatedAt":             constant(shape.Time(repo.UpdatedAt)),
		"pushedAt":              constant(shape.NullTime(repo.PushedAt)),
		"hasIssuesEnabled":      constant(false),
		"hasWikiEnabled":        constant(false),
		"hasProjectsEnabled":    constant(false),
		"hasDiscussionsEnabled": constant(false),
		"viewerPermission":      constant(viewerPermission(p)),
		"viewerCanAdminister":   constant(p >= actions.Admin),
		"defaultBranchRef":      constant(branch),
		"parent":                constant((*object)(nil)),
		"mergeCommitAllowed":    constant(true),
		"rebaseMergeAllowed":    constant(true),
		"squashMergeAllowed":    constant(true),
		"deleteBranchOnMerge":   constant(false),
		"pullRequests":          constant(noPullRequests()),
	}}
}

// noPullRequests is the list of those that there are: none, here.
func noPullRequests() *object {
	page := &object{"PageInfo", map[string]resolver{
		"hasNextPage": constant(false), "hasPreviousPage": constant(false), "startCursor": constant(nil), "endCursor": constant(nil),
	}}
	return &object{"PullRequestConnection", map[string]resolver{
		"totalCount": constant(0), "nodes": constant([]*object{}), "edges": constant([]*object{}), "pageInfo": constant(page),
	}}
}

func viewerPermission(p actions.Permission) string {
	switch p {
	case actions.Triage:
		return "TRIAGE"
	case actions.Write:
		return "WRITE"
	case actions.Maintain:
		return "MAINTAIN"
	case actions.Admin:
		return "ADMIN"
	case actions.NoAccess, actions.Read:
	}
	return "READ"
}
