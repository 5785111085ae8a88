package rest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The part of GraphQL that programs use to ask: one operation or several, with
// variables, arguments, aliases, fragments and directives, which are passed over
// unless they are @include or @skip.

const (
	maxQuery      = 64 << 10 // bytes
	maxDepth      = 16       // of selections and of values
	maxSelections = 2000     // in one document
)

type place struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type gqlError struct {
	Message    string         `json:"message"`
	Type       string         `json:"type,omitempty"`
	Path       []any          `json:"path,omitempty"`
	Locations  []place        `json:"locations,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
}

func (e *gqlError) Error() string { return e.Message }

// A document is a parsed request.
type document struct {
	operations []*operation
	fragments  map[string]*fragment
}

type operation struct {
	kind, name string
	variables  []variable
	selections []*selection
}

type variable struct {
	name     string
	standard any // nil for none
}

type fragment struct {
	on         string
	selections []*selection
}

// A selection is a field, or a fragment when spread or inline is set.
type selection struct {
	at         place
	alias      string
	name       string
	arguments  map[string]any
	selections []*selection
	spread     string // name of a fragment
	inline     bool
	on         string // type of an inline fragment
	directives map[string]map[string]any
}

// A variableName stands for the value of a variable.
type variableName string

// An enum is a bare word as a value.
type enum string

type parser struct {
	text  string
	pos   int
	token string // "" at the end; a punctuator, name, number, or string with its quotes
	at    place
	line  int
	bol   int // where the line begins
	depth int
	count int
	err   *gqlError
}

func parseQuery(text string) (*document, *gqlError) {
	if len(text) > maxQuery {
		return nil, &gqlError{Message: fmt.Sprintf("The query is larger than %d bytes", maxQuery)}
	}
	if !utf8.ValidString(text) {
		return nil, &gqlError{Message: "The query is not valid UTF-8"}
	}
	p := &parser{text: text, line: 1}
	p.next()
	doc := p.document()
	if p.err != nil {
		return nil, p.err
	}
	return doc, nil
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &gqlError{Message: fmt.Sprintf(format, args...), Locations: []place{p.at}}
	}
	p.token, p.pos = "", len(p.text)
}

func (p *parser) document() *document {
	doc := &document{fragments: map[string]*fragment{}}
	for p.token != "" {
		switch p.token {
		case "{":
			doc.operations = append(doc.operations, &operation{kind: "query", selections: p.selectionSet()})
		case "query", "mutation", "subscription":
			doc.operations = append(doc.operations, p.operation())
		case "fragment":
			p.next()
			name := p.name()
			p.expect("on")
			doc.fragments[name] = &fragment{on: p.name(), selections: p.afterDirectives()}
		default:
			p.fail("Parse error on %q", p.token)
		}
	}
	return doc
}

func (p *parser) operation() *operation {
	op := &operation{kind: p.token}
	p.next()
	if isName(p.token) {
		op.name = p.name()
	}
	if p.accept("(") {
		for p.token != "" && !p.accept(")") {
			op.variables = append(op.variables, p.variable())
		}
	}
	op.selections = p.afterDirectives()
	return op
}

func (p *parser) afterDirectives() []*selection {
	p.directives()
	return p.selectionSet()
}

func (p *parser) variable() variable {
	p.expect("$")
	v := variable{name: p.name()}
	p.expect(":")
	p.typeRef()
	if p.accept("=") {
		v.standard = p.value()
	}
	p.directives()
	return v
}

// typeRef passes over a type: values are checked by who uses them.
func (p *parser) typeRef() {
	if p.deeper(); p.accept("[") {
		p.typeRef()
		p.expect("]")
	} else {
		p.name()
	}
	p.accept("!")
	p.depth--
}

func (p *parser) selectionSet() []*selection {
	p.expect("{")
	p.deeper()
	var list []*selection
	for p.token != "" && p.token != "}" {
		list = append(list, p.selection())
		if p.count++; p.count > maxSelections {
			p.fail("The query has more than %d fields", maxSelections)
		}
	}
	p.expect("}")
	p.depth--
	if len(list) == 0 {
		p.fail("A selection of fields is empty")
	}
	return list
}

func (p *parser) selection() *selection {
	s := &selection{at: p.at}
	if p.accept("...") {
		if p.token == "on" {
			p.next()
			s.on = p.name()
		} else if isName(p.token) {
			s.spread = p.name()
			s.directives = p.directives()
			return s
		}
		s.inline = true
		s.directives = p.directives()
		s.selections = p.selectionSet()
		return s
	}
	s.name = p.name()
	s.alias = s.name
	if p.accept(":") {
		s.name = p.name()
	}
	s.arguments = p.arguments()
	s.directives = p.directives()
	if p.token == "{" {
		s.selections = p.selectionSet()
	}
	return s
}

func (p *parser) arguments() map[string]any {
	if !p.accept("(") {
		return nil
	}
	args := map[string]any{}
	for p.token != "" && !p.accept(")") {
		name := p.name()
		p.expect(":")
		args[name] = p.value()
	}
	return args
}

func (p *parser) directives() map[string]map[string]any {
	var all map[string]map[string]any
	for p.accept("@") {
		if all == nil {
			all = map[string]map[string]any{}
		}
		name := p.name()
		all[name] = p.arguments()
	}
	return all
}

func (p *parser) value() any {
	p.deeper()
	defer func() { p.depth-- }()
	token := p.token
	switch {
	case token == "$":
		p.next()
		return variableName(p.name())
	case token == "[":
		p.next()
		list := []any{}
		for p.token != "" && !p.accept("]") {
			list = append(list, p.value())
		}
		return list
	case token == "{":
		p.next()
		object := map[string]any{}
		for p.token != "" && !p.accept("}") {
			name := p.name()
			p.expect(":")
			object[name] = p.value()
		}
		return object
	case strings.HasPrefix(token, `"`):
		p.next()
		return p.unquote(token)
	case isName(token):
		p.next()
		switch token {
		case "true", "false":
			return token == "true"
		case "null":
			return nil
		}
		return enum(token)
	}
	n, err := strconv.ParseFloat(token, 64)
	if err != nil {
		p.fail("Parse error on %q", token)
	}
	p.next()
	return n
}

func (p *parser) unquote(token string) string {
	if block, ok := strings.CutPrefix(token, `"""`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(block, `"""`), `\"""`, `"""`)
	}
	var s string
	if err := json.Unmarshal([]byte(token), &s); err != nil {
		p.fail("Parse error on %s", token)
	}
	return s
}

func (p *parser) deeper() {
	if p.depth++; p.depth > maxDepth {
		p.fail("The query is nested deeper than %d", maxDepth)
	}
}

func (p *parser) accept(token string) bool {
	if p.token != token {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(token string) {
	if !p.accept(token) {
		p.fail("Parse error on %q: expected %q", p.token, token)
	}
}

func (p *parser) name() string {
	name := p.token
	if !isName(name) {
		p.fail("Parse error on %q: expected a name", name)
		return ""
	}
	p.next()
	return name
}

func isName(s string) bool {
	return s != "" && (s[0] == '_' || s[0] >= 'a' && s[0] <= 'z' || s[0] >= 'A' && s[0] <= 'Z')
}
