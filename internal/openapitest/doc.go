// Package openapitest checks answers against GitHub's own description of its
// REST API.
//
// The description comes from npm (@octokit/openapi, which `make test`
// installs): the one of github.com, and that of the newest Enterprise Server
// for what only it has, such as POST /admin/users. [Checker.Transport] sits in
// the HTTP client of a test and checks each answer that passes:
//
//   - the operation is described, and the status is one it documents, or one
//     that every operation may give;
//   - the content type is documented, and there is a body exactly if one is;
//   - the body fits its schema, and says nothing that neither product knows;
//   - an error has GitHub's body, and a redirect says where to go.
//
// A request with X-GitHub-Api-Version 2026-03-10 is checked against that
// version: the description carries its breaking changes as patches. A property
// that a patch removes must be absent.
//
// Where an answer differs for a reason, a line of testdata/exceptions.txt in
// the directory of the package under test says so:
//
//	operation id | what | reason
//
// What is a JSON pointer into the body with * for every index, "body",
// "status 409", "content type", "location" or "operation", as the failure
// names it. An operation id of * stands for all. [Main] fails a test binary
// that has exceptions nobody needed.
//
// The descriptions are large, 13 MB each: a process reads one once, without
// decoding it, and hands to the validator only the schemas of responses seen.
package openapitest
