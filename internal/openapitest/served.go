package openapitest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An Operation is one entry of GitHub's description.
type Operation struct {
	ID          string // such as actions/list-jobs-for-workflow-run
	Method      string
	Path        string // without prefix: /repos/{owner}/{repo}/actions/jobs/{job_id}
	Subcategory string // GitHub's page that describes it: workflow-jobs
}

// Actions returns the operations of the Actions family on github.com, by
// subcategory, path and method.
func (c *Checker) Actions() []Operation {
	c.t.Helper()
	if c.suite == nil {
		c.t.Skip("GitHub's description is not installed: run npm ci")
	}
	var all []Operation
	for path, methods := range c.suite.github.Paths {
		for method := range methods {
			op, err := c.suite.github.operation(path, method, "")
			if err != nil {
				c.t.Fatal(err)
			}
			if op.GitHub.Category == "actions" || strings.Contains(path, "/actions/") {
				all = append(all, Operation{op.ID, strings.ToUpper(method), path, op.GitHub.Subcategory})
			}
		}
	}
	slices.SortFunc(all, func(a, b Operation) int {
		return cmp.Or(
			cmp.Compare(a.Subcategory, b.Subcategory),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Method, b.Method),
		)
	})
	return all
}

// Statuses returns those that github.com's description has for an operation in a version
// of the API, in order; none where the description is not installed.
func (c *Checker) Statuses(method, path, version string) []int {
	c.t.Helper()
	if c.suite == nil {
		return nil
	}
	op, err := c.suite.github.operation(path, strings.ToLower(method), version)
	if err != nil {
		c.t.Fatal(err)
	}
	var all []int
	for status, response := range op.Responses {
		if n, err := strconv.Atoi(status); err == nil && string(response) != "null" {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// Unserved returns the operations of [Checker.Actions] that are not among the
// patterns of a http.ServeMux, such as "GET /repos/{owner}/{repo}/actions/runs".
// What parameters are called does not matter, nor does the prefix of the API.
func (c *Checker) Unserved(patterns []string) []Operation {
	c.t.Helper()
	served := map[string]bool{}
	for _, p := range patterns {
		served[parameter.ReplaceAllString(strings.Replace(p, prefix+"/", "/", 1), "{}")] = true
	}
	return slices.DeleteFunc(c.Actions(), func(op Operation) bool {
		return served[op.Method+" "+parameter.ReplaceAllString(op.Path, "{}")]
	})
}

// Document is Markdown: the operations of the Actions family that the patterns
// serve, counted by subcategory, and those that they do not.
func (c *Checker) Document(patterns []string) string {
	c.t.Helper()
	return operationsTable(c.Actions(), c.Unserved(patterns))
}

// operationsTable is Markdown: a line per subcategory, then what is missing.
func operationsTable(all, unserved []Operation) string {
	var table, missing strings.Builder
	fmt.Fprintf(&table, "%d of %d operations.\n\n| page of the reference | served | of |\n| --- | --- | --- |\n",
		len(all)-len(unserved), len(all))
	for len(all) > 0 {
		name := all[0].Subcategory
		elsewhere := func(op Operation) bool { return op.Subcategory != name }
		n := runLength(all, elsewhere)
		gaps := slices.DeleteFunc(slices.Clone(unserved), elsewhere)
		fmt.Fprintf(&table, "| %s | %d | %d |\n", name, n-len(gaps), n)
		if len(gaps) > 0 {
			fmt.Fprintf(&missing, "\n%s:\n\n", name)
		}
		for _, op := range gaps {
			fmt.Fprintf(&missing, "- `%s %s`\n", op.Method, op.Path)
		}
		all = all[n:]
	}
	return table.String() + "\nNot served:\n" + missing.String()
}

// runLength is how many operations come before the first that is elsewhere.
func runLength(all []Operation, elsewhere func(Operation) bool) int {
	if n := slices.IndexFunc(all, elsewhere); n >= 0 {
		return n
	}
	return len(all)
}
