package workflow

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of one file (YAML-3, YAML-5).
const (
	maxFile    = 1 << 20  // bytes of the file
	maxDepth   = 50       // collections inside each other
	maxNodes   = 1e6      // keys and values, aliases expanded
	maxAliased = 50_000   // keys and values that come from aliases
	maxText    = 10 << 20 // bytes of all scalars, aliases expanded
)

// load turns the file into a tree without expressions: scalars that contain
// ${{ }} are still strings. It returns nil after recording an error.
func (r *reader) load(src []byte) *Token {
	if len(src) > maxFile {
		r.errorf(Pos{1, 1}, "The file has %d bytes; at most %d are allowed", len(src), maxFile)
		return nil
	}
	if !utf8.Valid(src) {
		r.errorf(invalidUTF8(src), "The file is not valid UTF-8")
		return nil
	}
	doc, err := decode(src)
	if err != nil {
		r.twoDocuments = errors.Is(err, errTwoDocuments)
		r.syntaxError(src, err)
		return nil
	}
	if doc == nil || len(doc.Content) == 0 {
		r.add(&r.errs, ofFile, Pos{1, 1}, "The file is empty")
		return nil
	}
	c := converter{reader: r}
	t := c.token(doc.Content[0], 0)
	if len(r.errs) > 0 {
		return nil
	}
	return t
}

var errTwoDocuments = errors.New("only one YAML document is allowed")

// decode parses the one document of the file. It returns nil if there is none.
func decode(src []byte) (doc *yaml.Node, err error) {
	defer func() { // the library panics on states it thinks impossible
		if p := recover(); p != nil {
			doc, err = nil, fmt.Errorf("yaml: %v", p)
		}
	}()
	d := yaml.NewDecoder(bytes.NewReader(src))
	doc = new(yaml.Node)
	switch err := d.Decode(doc); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, err
	}
	second := new(yaml.Node)
	switch err := d.Decode(second); {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return nil, err
	}
	return nil, fmt.Errorf("yaml: line %d: %w", second.Line, errTwoDocuments)
}

// A converter makes tokens of YAML nodes and counts them.
type converter struct {
	*reader
	nodes, text    int
	aliased, alias int // nodes that came from aliases; aliases that the node is in
	full           bool
}

// token converts n and what is in it. After the first limit is passed it
// returns quickly, so time is bounded as well as memory.
func (c *converter) token(n *yaml.Node, depth int) *Token {
	pos := Pos{n.Line, n.Column}
	null := &Token{Kind: Null, Pos: pos}
	if c.full || !c.count(n, pos, depth) {
		return null
	}
	if c.action && n.Anchor != "" && c.alias == 0 {
		c.add(&c.errs, ofFile, pos, "Anchors are not currently supported. Remove the anchor '%s'", n.Anchor)
		return null
	}
	switch n.Kind {
	case yaml.AliasNode:
		c.alias++
		t := c.token(n.Alias, depth)
		c.alias--
		return t
	case yaml.ScalarNode:
		return c.scalar(n, pos)
	case yaml.SequenceNode:
		c.tag(n, "!!seq")
		t := &Token{Kind: Sequence, Pos: pos, Items: make([]*Token, 0, len(n.Content))}
		for _, item := range n.Content {
			t.Items = append(t.Items, c.token(item, depth+1))
		}
		return t
	case yaml.MappingNode:
		c.tag(n, "!!map")
		t := &Token{Kind: Mapping, Pos: pos, Pairs: make([]Pair, 0, len(n.Content)/2)}
		for i := 0; i+1 < len(n.Content); i += 2 {
			t.Pairs = append(t.Pairs, Pair{c.key(n.Content[i], depth+1), c.token(n.Content[i+1], depth+1)})
		}
		return t
	case yaml.DocumentNode: // only at the top
	}
	return null
}

// count counts one node, and says whether it is within all limits.
func (c *converter) count(n *yaml.Node, pos Pos, depth int) bool {
	c.nodes++
	c.text += len(n.Value)
	if c.alias > 0 {
		c.aliased++
	}
	switch {
	case depth > maxDepth:
		c.errorf(pos, "Collections are nested more than %d deep", maxDepth)
	case c.nodes > maxNodes:
		c.errorf(pos, "The file has more than %d values", int(maxNodes))
	case c.aliased > maxAliased:
		c.errorf(pos, "Aliases expand to more than %d values", maxAliased)
	case c.text > maxText:
		c.errorf(pos, "The text in the file expands to more than %d bytes", maxText)
	default:
		return true
	}
	c.full = true
	return false
}

// key converts a mapping key, which must be a scalar and becomes a string.
func (c *converter) key(n *yaml.Node, depth int) *Token {
	t := c.token(n, depth)
	switch t.Kind {
	case Sequence, Mapping:
		if !c.full {
			c.unexpected(t)
		}
		return &Token{Kind: String, Pos: t.Pos}
	case Boolean, Number, Null:
		return &Token{Kind: String, Pos: t.Pos, Str: t.Text()}
	case String, Expression, Insert:
	}
	return t
}

// scalar types a scalar by style, tag and text (YAML-1, YAML-2).
func (c *converter) scalar(n *yaml.Node, pos Pos) *Token {
	str := &Token{Kind: String, Pos: pos, Str: n.Value}
	plain := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0
	if n.Style&yaml.TaggedStyle == 0 {
		if plain {
			return resolve(n.Value, pos)
		}
		return str
	}
	want := String
	switch n.Tag {
	case "!!str":
		return str
	case "!!bool":
		want = Boolean
	case "!!int", "!!float":
		want = Number
	case "!!null":
		want = Null
	}
	t := resolve(n.Value, pos)
	_, isInt := integer(n.Value)
	if !plain || want == String || t.Kind != want || n.Tag == "!!int" && !isInt {
		c.errorf(pos, "Unexpected tag '%s' for the value '%s'", n.Tag, n.Value)
	}
	return t
}

// tag records an error if collection n has an explicit tag other than its own.
func (c *converter) tag(n *yaml.Node, own string) {
	if n.Style&yaml.TaggedStyle != 0 && n.Tag != own {
		c.errorf(Pos{n.Line, n.Column}, "Unexpected tag '%s'", n.Tag)
	}
}
