package rest

import (
	"context"
	"encoding/json"
	"testing"
)

func FuzzAnyQueryIsAnsweredOrRefused(f *testing.F) {
	for _, seed := range []string{
		"{viewer{login}}", `query A($a: [String!]! = ["x"]) @d(if: true) {b: a(x: {y: [1, -2.5e3, $a, E]}) {...f ... on T {c}}} fragment f on T {d}`,
		`{a(s: """block "quoted" \""" end""")}`, "# comment\n{a,b\r\n}", `{a(s: "\u0041\n")}`, "\ufeff{a}",
	} {
		f.Add(seed)
	}
	leaf := &object{"T", map[string]resolver{"c": constant(1), "d": constant(nil), "login": constant("x")}}
	root := &object{"Query", map[string]resolver{
		"viewer": constant(leaf), "a": constant([]*object{leaf, leaf}), "b": constant((*object)(nil)),
	}}
	f.Fuzz(func(t *testing.T, query string) {
		doc, problem := parseQuery(query)
		if problem != nil {
			return
		}
		op, problem := doc.pick("")
		if problem != nil {
			return
		}
		data, errs := execute(context.Background(), doc, op, nil, root)
		if data == nil && len(errs) == 0 {
			t.Fatal("neither data nor errors")
		}
		if _, err := json.Marshal(map[string]any{"data": data, "errors": errs}); err != nil {
			t.Fatal(err)
		}
	})
}
