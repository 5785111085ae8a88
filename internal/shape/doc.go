// Package shape holds the JSON objects that answers of GitHub's REST API and
// event payloads share: users, repositories, commits.
//
// Each has a constructor that takes a [Base], since URLs keep the base by which a
// request came in, and a noun of package actions. It is pure: same input, same
// output. What an API version removes is nil-able here, and the surface that
// knows the version removes it.
package shape
