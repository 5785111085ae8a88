// Package rest is the core of GitHub's REST API: what all of its operations
// share. The operations stand in the packages below it, one per page of GitHub's
// reference, such as rest/runs for "Workflow runs". Each exports its Routes; the
// server joins them into one table and hands it to [New]. This package imports none of them.
//
// # Routes
//
// A [Route] is one operation: GitHub's path letter for letter, a handler, its
// page in the reference, and what it needs of its caller ([auth.Need]). What a
// path is about (a repository, an organization, the enterprise) is found and the
// need decided before the handler runs ([auth.Auth.Can]), so a handler cannot
// forget it; [New] refuses a table with a route that does not say. The headers that
// tell a token what it lacks, the documentation_url of errors and the table of
// docs/compatibility.md come from the route, too. A runner that is being configured
// has no account; where [auth.Need.Registration] says so, its token is asked for first.
//
// A new operation is one Route and one handler in the package of its page; a new page
// is a package and one line in server/routes.go.
//
// A handler parses, asks once, and answers. What it needs to know of the request
// is in its [Call]. Reads and plain saves ask the store; whatever has rules asks a
// service. A handler opens no transaction.
//
// # Answers
//
// URLs in an answer keep the base by which the request came in. An answer with
// status 200 has an ETag; a request that names it is answered 304.
//
// The answers that programs poll are remembered as bytes: by path, query, base
// and API version, for one revision of the repository's data, which the store
// counts up after each commit that changes it, here or on another server. An
// answer that time alone changes, as when an artifact expires, is remembered until
// then. Who is calling is decided each time before the bytes are looked up, and no
// remembered answer depends on who that is.
package rest
