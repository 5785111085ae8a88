// Package graphql answers GitHub's GraphQL API as far as gh asks for it when it
// works with Actions: who the viewer is, accounts, organizations, repositories and pull
// requests, to make and change those, and introspection.
//
// The schema is in schema.graphql; github.com/graph-gophers/graphql-go parses,
// checks and executes queries. A field that GitHub has and this schema does not
// is an error that names it, so that nobody takes a guess for an answer.
//
// A query is small, and what the library makes of it could be large: aliases and
// fragments repeat what they hold, each operation is checked with all fragments that
// it uses, each error repeats a value, and introspection goes round in circles. So a
// query is counted before it is parsed (count.go), and what it comes to while it is
// checked and answered has bounds of its own (limits.go).
package graphql

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"

	gql "github.com/graph-gophers/graphql-go"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/pull"
	"github.com/understudy-ci/understudy/internal/repository"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

//go:embed schema.graphql
var schemaText string

// An API answers queries. It is safe for concurrent use.
type API struct {
	Config
	schema       *gql.Schema
	introspected *gql.Schema // the same, for queries about it
}

// Config is what the API needs. All fields are required.
type Config struct {
	Auth         *auth.Auth
	Store        *store.Store
	Repositories *repository.Repositories
	Git          *gitrepo.Git
	Pulls        *pull.Pulls
	Log          *slog.Logger

	// Actor is the caller as who changes pull requests.
	Actor func(*auth.Caller, shape.Base) pull.Actor
}

// New makes an API.
func New(c Config) (*API, error) {
	api := &API{Config: c}
	for _, s := range []struct {
		schema     **gql.Schema
		selections int
	}{{&api.schema, maxSelections}, {&api.introspected, maxIntrospected}} {
		var err error
		*s.schema, err = gql.ParseSchema(schemaText, &root{api},
			gql.UseFieldResolvers(), gql.DisableFieldSelections(), gql.UseStringDescriptions(),
			gql.MaxDepth(maxDepth), gql.MaxSelections(s.selections), gql.OverlapValidationLimit(maxOverlaps), gql.MaxParallelism(parallel),
			gql.Tracer(counter{}), gql.Logger(panics{c.Log}))
		if err != nil {
			return nil, fmt.Errorf("GraphQL schema: %w", err)
		}
	}
	return api, nil
}

// A call is what is known of a request while its query runs.
type call struct {
	caller  *auth.Caller
	base    shape.Base
	changes *atomic.Int32 // mutations so far
}

type callKey struct{}

func callOf(ctx context.Context) call {
	c, _ := ctx.Value(callKey{}).(call)
	return c
}

// Answer serves POST /graphql for a caller who has signed in; URLs in the answer
// begin with base. What is wrong with a query is part of an answer with status
// 200, as the protocol has it.
func (a *API) Answer(w http.ResponseWriter, r *http.Request, caller *auth.Caller, base shape.Base) error {
	if caller.Anonymous() {
		return actions.Errorf(actions.Unauthorized, "This endpoint requires you to be authenticated.")
	}
	var body struct {
		Query     string          `json:"query"`
		Operation string          `json:"operationName"`
		Variables json.RawMessage `json:"variables"`
	}
	if err := httpjson.Decode(r, &body, maxBody); err != nil {
		return err
	}
	if body.Query == "" {
		return actions.Errorf(actions.Malformed, "A query attribute must be specified and must be a string.")
	}
	var answer struct {
		Data   json.RawMessage `json:"data,omitempty"`
		Errors []problem       `json:"errors,omitempty"`
	}
	variables, message := variablesOf(body.Variables)
	asked, tooMuch := tallyOf(body.Query, body.Operation)
	if message = cmp.Or(message, tooMuch); message != "" {
		answer.Errors = []problem{{Message: message}}
		return httpjson.Write(w, http.StatusOK, answer)
	}
	ctx, cancel := counted(context.WithValue(r.Context(), callKey{}, call{caller, base, new(atomic.Int32)}))
	defer cancel()
	schema := a.schema
	if asked.introspects {
		schema = a.introspected
	}
	res := schema.Exec(ctx, body.Query, body.Operation, variables)
	if exceeded(ctx) {
		answer.Errors = []problem{{Message: fmt.Sprintf("The answer has more than %d fields", maxFields)}}
		return httpjson.Write(w, http.StatusOK, answer)
	}
	var err error
	if answer.Errors, err = problems(res.Errors); err != nil {
		return err // logged, and answered without the text
	}
	if string(res.Data) != "null" { // nothing was answered
		answer.Data = res.Data
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

// variablesOf are the variables of a query, or what is wrong with them.
func variablesOf(text json.RawMessage) (map[string]any, string) {
	if len(text) > maxVariables {
		return nil, fmt.Sprintf("The variables have more than %d bytes", maxVariables)
	}
	var variables map[string]any
	if len(text) > 0 && json.Unmarshal(text, &variables) != nil {
		return nil, "Variables must be an object."
	}
	return variables, ""
}

// panics sends what the library recovers from to the log.
type panics struct{ log *slog.Logger }

// LogPanic implements the library's logger.
func (p panics) LogPanic(ctx context.Context, value any) {
	p.log.ErrorContext(ctx, "query panicked", "err", value)
}
