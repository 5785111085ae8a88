// Package rest serves GitHub's REST API, as far as it is about Actions and what
// stands around them, and the few GraphQL queries that gh sends for Actions.
//
// routes.go is the table of what there is: GitHub's paths letter for letter, and
// beside each path what a caller needs for it. The repository of a path is found
// and the need decided before any handler runs ([auth.Auth.Can]), so a handler
// cannot forget it. A handler parses, asks the store once, and answers; what
// moves a run asks a service.
//
// # Answers
//
// URLs in an answer keep the base by which the request came in. An answer with
// status 200 has an ETag; a request that names it is answered 304.
//
// The answers that programs poll are remembered as bytes: by path, query, base
// and API version, for one generation of the repository's data, which the store
// counts up after each commit that changes it. An answer that time alone changes, as
// when an artifact expires, is remembered until then. Who is calling is decided each time
// before the bytes are looked up, and no remembered answer depends on who that is.
// Where several servers share a database there is no such count, and nothing
// is remembered.
package rest
