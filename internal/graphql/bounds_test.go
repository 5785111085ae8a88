package graphql_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// again is a text again and again, n bytes long.
func again(unit string, n int) string { return strings.Repeat(unit, n/len(unit)) }

// each is a text with another number each time, n bytes long.
func each(format string, n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// shapes are requests of about n bytes that the library makes much of.
var shapes = map[string]func(n int) variables{
	"unknown fields":        query(func(n int) string { return "{viewer{" + again("z ", n) + "}}" }),
	"fields almost known":   query(func(n int) string { return "{viewer{" + again("logi ", n) + "}}" }),
	"many unknown fields":   query(func(n int) string { return "{viewer{" + each("z%d ", n) + "}}" }),
	"unknown arguments":     query(func(n int) string { return "{viewer{login(" + each("z%d:1 ", n) + ")}}" }),
	"unknown directives":    query(func(n int) string { return "{viewer{login " + each("@z%d ", n) + "}}" }),
	"unknown fragments":     query(func(n int) string { return "{viewer{" + each("...z%d ", n) + "}}" }),
	"unknown types":         query(func(n int) string { return "{viewer{" + again("...on Z{a}", n) + "}}" }),
	"fragments without use": query(func(n int) string { return "{viewer{login}}" + each("fragment z%d on User{login}", n) }),
	"variables without use": query(func(n int) string { return "query(" + each("$z%d:Int ", n) + "){viewer{login}}" }),
	"one variable again":    query(func(n int) string { return "query(" + again("$z:Int ", n) + "){viewer{login}}" }),
	"wrong defaults":        query(func(n int) string { return "query(" + each("$a%d:Int=\"x\" ", n) + "){viewer{login}}" }),
	"lists of lists": query(func(n int) string {
		return "query($a:" + again("[", 50) + "Int" + again("]", 50) + each("$a%d:Int ", n) + "){viewer{login}}"
	}),
	"operations":              query(func(n int) string { return each("query z%d{viewer{login}}", n) }),
	"operations without name": query(func(n int) string { return again("{viewer{login}}", n) }),
	"operations and fragment": query(func(n int) string {
		return each("query z%d{...f}", n/2) + "fragment f on Query{" + each("a%d:x ", n/2) + "}"
	}),
	"operations in comments": query(func(n int) string {
		return again("query a{...f}#{\n", n/2) + "fragment f on Query{" + each("a%d:x ", n/2) + "}"
	}),
	"operations and strings": query(func(n int) string {
		return "query b($a:String=\"{\"){...f}" + again("{...f}", n/2) + "fragment f on Query{" + each("a%d:x ", n/2) + "}"
	}),
	"operations and a block": query(func(n int) string {
		return "query b($a:String=\"\"\"{\"\"\"){...f}" + again("{...f}", n/2) + "fragment f on Query{" + each("a%d:x ", n/2) + "}"
	}),
	"fragments in each other": query(func(n int) string {
		return "{...f0}" + each("fragment f%[1]d on Query{...f%[1]d1 ...f%[1]d2 viewer{login}}", n)
	}),
	"text with signs": query(func(n int) string { return `{repository(owner:"` + again(`\"`, n) + `",name:"a"){id}}` }),
	"block of lines":  query(func(n int) string { return `{repository(owner:"""` + again("\n", n) + `""",name:"a"){id}}` }),
	"long list":       query(func(n int) string { return "{repository(owner:[" + again("1 ", n) + `],name:"a"){id}}` }),
	"large object":    query(func(n int) string { return "{repository(owner:{" + again("a:1 ", n) + `},name:"a"){id}}` }),
	"wrong states": query(func(n int) string {
		return `{repository(owner:"a",name:"b"){pullRequests(states:[` + again("Z ", n) + "]){totalCount}}}"
	}),
	"long number":             query(func(n int) string { return "{repository(owner:" + again("1", n) + `,name:"a"){id}}` }),
	"aliases":                 query(func(n int) string { return "{" + each("a%d:viewer{login}", n) + "}" }),
	"aliases of repositories": query(func(n int) string { return "{" + each(`a%d:repository(owner:"alice",name:"hello"){id}`, n) + "}" }),
	"conflicts":               query(func(n int) string { return "{viewer{" + again("a:login a:name ", n) + "}}" }),
	"conflicts of arguments":  query(func(n int) string { return "{" + each(`a:repository(owner:"%d",name:"y"){id}`, n) + "}" }),
	"nested fragments":        query(func(n int) string { return "{" + again("...{", n/3) + again("}", n/3) }),
	"inline fragments":        query(func(n int) string { return "{" + again("...{viewer{login}}", n) + "}" }),
	"one fragment again":      query(func(n int) string { return "{viewer{" + again("...f ", n) + "}} fragment f on User{login}" }),
	"types of an owner": query(func(n int) string {
		return `{repository(owner:"alice",name:"hello"){owner{` + again("...on User{login}...on Organization{login}", n) + "}}}"
	}),
	"introspection again": query(func(n int) string { return "{" + each("a%d:__schema{types{fields{type{name}args{name}}}}", n) + "}" }),
	"descriptions":        query(func(n int) string { return "{__schema{types{" + each("a%d:description ", n) + "}}}" }),
	"introspection in a fragment": query(func(n int) string {
		return "{" + each("a%d:__schema{...f}", n/2) + "}fragment f on __Schema{types{" + each("a%d:description ", n/2) + "}}"
	}),
	"long aliases in lists": query(func(n int) string { return "{__schema{types{fields{" + each("a%090d:name ", n) + "}}}}" }),
	"comments":              query(func(n int) string { return "{viewer{login}}" + again("#\n", n) }),
	"value in each error": func(n int) variables {
		return variables{"query": "query(" + again("$a:PullRequestState ", n) + "){viewer{login}}", "variables": variables{"a": again("x", n)}}
	},
	"values of a wrong type": func(n int) variables {
		return variables{"query": "query(" + again("$a:Int! ", n) + "){viewer{login}}", "variables": variables{"a": again("x", n)}}
	},
	"values that are no state": func(n int) variables {
		return variables{"query": "query($a:[PullRequestState!]){" + each("a%d:repository(owner:\"a\",name:\"b\"){pullRequests(states:$a){totalCount}}", n) + "}", "variables": variables{"a": strings.Fields(again("x ", n))}}
	},
	"values without a field": func(n int) variables {
		return variables{"query": "query($a:IssueOrder){repository(owner:\"a\",name:\"b\"){pullRequests(orderBy:$a){totalCount}}}", "variables": variables{"a": json.RawMessage("{" + each(`"a%d":1,`, n) + `"a":1}`)}}
	},
	"values in each other": func(n int) variables {
		return variables{"query": "query($a:[PullRequestState!]){repository(owner:\"a\",name:\"b\"){pullRequests(states:$a){totalCount}}}", "variables": variables{"a": json.RawMessage(again("[", n/8) + again("]", n/8))}}
	},
	"names that cannot be": func(n int) variables {
		return variables{"query": "query($a:String!){" + each("a%d:repository(owner:$a,name:$a){id}", n) + "}", "variables": variables{"a": again("x", n)}}
	},
	"name of an operation": func(n int) variables { return variables{"query": "{viewer{login}}", "operationName": again("x", n)} },
}

func query(text func(n int) string) func(n int) variables {
	return func(n int) variables { return variables{"query": text(n)} }
}

// counted is what an answer says that is refused for its size, before it is parsed.
var counted = regexp.MustCompile(`^{("errors":\[{)?"message":"The (query|variables|name|request)[^"]* (more|larger) than `)

func TestRequestsTakeLittleMemory(t *testing.T) {
	s := newSite(t, "alice")
	s.query("{viewer{login}}", nil)
	for name, shape := range shapes {
		t.Run(name, func(t *testing.T) {
			fits := false
			for n := 60_000; !fits && n > 10; n = n * 4 / 5 { // the largest that is not refused at once, and all above
				body := shape(n)
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				_, answer := s.ask(body)
				runtime.ReadMemStats(&after)
				if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20 {
					t.Errorf("%d kB allocated for %d bytes: %.200s", used>>10, n, answer)
				}
				if len(answer) > 1<<20 {
					t.Errorf("%d kB answered for %d bytes", len(answer)>>10, n)
				}
				fits = !counted.MatchString(answer)
			}
			if !fits {
				t.Error("it is refused however small it is")
			}
		})
	}
}

// Three hundred lists of a hundred entries each, of which only the number was shown, cost
// the database as much as so many requests, and counted for nothing.
func TestARequestReadsFewLists(t *testing.T) {
	s := newSite(t, "alice")
	s.caller.Token.Scopes = append(s.caller.Token.Scopes, "read:org")
	for _, list := range []string{
		"viewer{repositories(first:%d){totalCount}}", "viewer{organizations(first:%d){totalCount}}",
		`search(type:REPOSITORY,query:"user:alice",first:%d){repositoryCount}`,
	} {
		for _, c := range []struct {
			lists, first int
			refused      bool
		}{{50, 100, false}, {110, 100, true}, {300, 0, false}, {300, 50, true}} {
			var all strings.Builder
			for i := range c.lists {
				fmt.Fprintf(&all, "a%d:"+list+" ", i, c.first)
			}
			got := s.query("{"+all.String()+"}", nil)
			if refused := strings.Contains(got, "The answer has more than"); refused != c.refused || !refused && strings.Contains(got, "errors") {
				t.Errorf("%d times %s: %.300s", c.lists, fmt.Sprintf(list, c.first), got)
			}
		}
	}
}

func TestQueriesOfClientsAreFarBelowTheBounds(t *testing.T) {
	s := newSite(t, "alice")
	names := s.query("query MapRepositoryNames {"+strings.TrimSuffix(each(`repo_%03d: repository(owner:"alice", name:"hello") { databaseId } `, 30_000), " ")+"}", nil)
	if n := strings.Count(names, `"databaseId":1`); n < 400 || strings.Contains(names, `"errors"`) {
		t.Errorf("%d repositories: %.300s", n, names)
	}
	got := s.query(introspection, nil)
	if !strings.HasPrefix(got, `{"data":`) || strings.Contains(got, `"errors"`) || len(got) < 20_000 {
		t.Errorf("introspection: %.300s", got)
	}
}

// introspection is what GraphQL's own tools ask for.
const introspection = `
	query IntrospectionQuery {
		__schema {
			queryType { name }
			mutationType { name }
			subscriptionType { name }
			types { ...FullType }
			directives { name description locations args { ...InputValue } }
		}
	}
	fragment FullType on __Type {
		kind name description
		fields(includeDeprecated: true) { name description args { ...InputValue } type { ...TypeRef } isDeprecated deprecationReason }
		inputFields { ...InputValue }
		interfaces { ...TypeRef }
		enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
		possibleTypes { ...TypeRef }
	}
	fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue }
	fragment TypeRef on __Type {
		kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } }
	}`
