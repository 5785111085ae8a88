package workflow

import (
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
)

// A Kind is the kind of a token. The numbers are those of the runner protocol.
type Kind int

// The kinds of token.
const (
	String     Kind = iota
	Sequence        // Items
	Mapping         // Pairs
	Expression      // Expr
	Insert          // only as a key: the pair's value is a mapping to splice in (EXP-13)
	Boolean         // Bool
	Number          // Num
	Null
)

// A Token is a part of a file whose value may be known only when the workflow
// runs: a scalar, an expression, or a sequence or mapping of tokens.
type Token struct {
	Kind  Kind
	Pos   Pos
	Str   string     // of a String; of an Expression the text in the file
	Bool  bool       // of a Boolean
	Num   float64    // of a Number
	Expr  *expr.Expr // of an Expression; its String method gives the text for a runner
	Items []*Token   // of a Sequence
	Pairs []Pair     // of a Mapping, in the order of the file
}

// A Pair is an entry of a mapping. The key is a String, Expression or Insert.
type Pair struct{ Key, Value *Token }

// Get returns the value for a literal key, compared without case, or nil if t
// is nil, not a mapping, or has no such key.
func (t *Token) Get(key string) *Token {
	if t == nil {
		return nil
	}
	for _, p := range t.Pairs {
		if p.Key.Kind == String && strings.EqualFold(p.Key.Str, key) {
			return p.Value
		}
	}
	return nil
}

// Text is the text of a scalar: of an expression as written in the file, of
// other literals as expressions print them (EXP-8), empty for collections.
func (t *Token) Text() string {
	switch t.Kind {
	case String, Expression:
		return t.Str
	case Boolean:
		return expr.String(t.Bool)
	case Number:
		return expr.String(t.Num)
	case Insert:
		return "${{ insert }}"
	case Null, Sequence, Mapping:
	}
	return ""
}

// Any says whether holds is true for one of the expressions in the tree.
func (t *Token) Any(holds func(*expr.Expr) bool) bool {
	if t == nil {
		return false
	}
	return t.Kind == Expression && holds(t.Expr) ||
		slices.ContainsFunc(t.Items, func(item *Token) bool { return item.Any(holds) }) ||
		slices.ContainsFunc(t.Pairs, func(p Pair) bool { return p.Key.Any(holds) || p.Value.Any(holds) })
}
