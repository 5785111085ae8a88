// Package httpjson is what every surface does with HTTP and JSON: read a
// request, write an answer, number pages, and say by which base a request came.
//
// It knows no route and no protocol. A surface makes its own error bodies;
// [StatusOf] is the one table from an error's kind to a status, and [WriteError]
// the body that GitHub's REST API gives.
package httpjson
