package server

import (
	"net/http"

	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/graphql"
	"github.com/understudy-ci/understudy/internal/rest"
)

// mountGraphQL makes the GraphQL API: one operation, with the headers and errors
// that those of REST have.
func (s *Server) mountGraphQL(c rest.Config) (http.Handler, error) {
	g, err := graphql.New(graphql.Config{Auth: s.auth, Store: s.store, Repositories: s.repositories, Git: s.repos, Pulls: s.pulls, Log: s.log, Actor: s.puller})
	if err != nil {
		return nil, err
	}
	return rest.New(c, []rest.Route{{
		Pattern: "POST /graphql", Docs: "graphql",
		Need: auth.Need{On: auth.Site, Public: true}, // who has not signed in gets GitHub's words
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			c := rest.CallOf(r)
			return g.Answer(w, r, c.Caller, c.Base)
		},
	}})
}
