package graphql

import (
	"fmt"
	"strings"
	"text/scanner"
)

// Bounds of a query as it is written. With them, what the library keeps while it
// parses and checks a query is a few megabytes.
const (
	maxTokens      = 8000 // names, values and signs
	maxIntrospects = 500  // of those where __schema or __type is asked for
	maxName        = 100  // characters of a name; GitHub's own have less
	maxNesting     = 64   // of brackets
	maxOperations  = 10
	maxFragments   = 100
	maxVariableDef = 100 // variables that are defined
	maxDirectives  = 200
)

// A tally is what there is of each in a query.
type tally struct {
	tokens, nesting                              int
	operations, fragments, variables, directives int
	introspects                                  bool
	braces                                       int  // that are open
	last                                         rune // token
}

// tallyOf counts a query, and says why it is not even parsed, or nothing. It splits
// the text as the library does, which stops at the same place where that is not
// possible.
func tallyOf(query, operation string) (c tally, tooMuch string) {
	if len(query) > maxQuery {
		return c, fmt.Sprintf("The query is larger than %d bytes", maxQuery)
	}
	if len(operation) > maxName {
		return c, fmt.Sprintf("The name of the operation has more than %d characters", maxName)
	}
	s := scanner.Scanner{Mode: scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings}
	s.Init(strings.NewReader(query))
	broken := false
	s.Error = func(*scanner.Scanner, string) { broken = true }
	for token := s.Scan(); token != scanner.EOF && !broken; token = s.Scan() {
		switch {
		case token == '#':
			skipComment(&s)
			continue
		case token == ',':
			continue
		case token == scanner.String && s.Peek() == '"': // "" and a quote begin a block
			skipBlock(&s)
		}
		if message := c.add(token, s.TokenText()); message != "" {
			return c, message
		}
	}
	return c, ""
}

func skipComment(s *scanner.Scanner) {
	for {
		if c := s.Next(); c == '\n' || c == '\r' || c == scanner.EOF {
			return
		}
	}
}

func skipBlock(s *scanner.Scanner) {
	s.Next()
	for quotes := 0; quotes < 3; {
		switch s.Next() {
		case '"':
			quotes++
		case scanner.EOF:
			return
		default:
			quotes = 0
		}
	}
}

// add counts a token, and says what there is too much of.
func (c *tally) add(token rune, text string) string {
	c.tokens++
	switch token {
	case '{':
		if c.braces == 0 && (c.last == 0 || c.last == '}') {
			c.operations++ // without a name
		}
		c.braces++
		c.nesting++
	case '[', '(':
		c.nesting++
	case '}':
		c.braces--
		c.nesting--
	case ']', ')':
		c.nesting--
	case '$':
		if c.braces == 0 {
			c.variables++
		}
	case '@':
		c.directives++
	case scanner.Ident:
		c.name(text)
	}
	c.last = token
	return c.over(len(text))
}

func (c *tally) name(text string) {
	switch {
	case text == "__schema", text == "__type":
		c.introspects = true
	case c.braces > 0:
	case text == "fragment":
		c.fragments++
	case text == "query", text == "mutation", text == "subscription":
		c.operations++
	}
}

// over says what there is too much of, or nothing.
func (c *tally) over(length int) string {
	most := maxTokens
	if c.introspects {
		most = maxIntrospects
	}
	for _, b := range []struct {
		have, most int
		what       string
	}{
		{c.tokens, most, "names, values and signs"},
		{c.nesting, maxNesting, "levels of brackets"},
		{c.operations, maxOperations, "operations"},
		{c.fragments, maxFragments, "fragments"},
		{c.variables, maxVariableDef, "variables"},
		{c.directives, maxDirectives, "directives"},
	} {
		if b.have > b.most {
			return fmt.Sprintf("The query has more than %d %s", b.most, b.what)
		}
	}
	if c.last == scanner.Ident && length > maxName {
		return fmt.Sprintf("The query has a name of more than %d characters", maxName)
	}
	return ""
}
