package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// A TokenType says which field of a [Token] holds its value.
type TokenType int

// Types of [Token].
const (
	StringToken     TokenType = 0 // Lit
	SequenceToken   TokenType = 1 // Seq
	MappingToken    TokenType = 2 // Map
	ExpressionToken TokenType = 3 // Expr
	InsertToken     TokenType = 4 // the key ${{ insert }} of a mapping
	BooleanToken    TokenType = 5 // Bool
	NumberToken     TokenType = 6 // Num
	NullToken       TokenType = 7
)

// A Token is a value of a workflow file that a runner evaluates: a scalar, a
// sequence, a mapping or an expression. Runners do not look for ${{ }} inside
// strings: text with expressions in it is sent as one expression.
//
// A Token without a position is written in compact form when it is a scalar.
// A nil *Token is absent; a null of the file is a Token of type [NullToken].
type Token struct {
	Type            TokenType
	File, Line, Col int // from 1; 0 when unknown
	Lit             string
	Seq             []*Token
	Map             []TokenPair // in the order of the file
	Expr            string      // without ${{ }}
	Bool            bool
	Num             float64
}

// A TokenPair is one entry of a mapping. The key is a string, an expression or
// an insert.
type TokenPair struct{ Key, Value *Token }

// String is the string s.
func String(s string) *Token { return &Token{Type: StringToken, Lit: s} }

// Boolean is the boolean b.
func Boolean(b bool) *Token { return &Token{Type: BooleanToken, Bool: b} }

// Number is the number n.
func Number(n float64) *Token { return &Token{Type: NumberToken, Num: n} }

// Null is the null of the file.
func Null() *Token { return &Token{Type: NullToken} }

// Mapping is a mapping of pairs.
func Mapping(pairs ...TokenPair) *Token { return &Token{Type: MappingToken, Map: pairs} }

// Pair is the entry key: value of a [Mapping].
func Pair(key string, value *Token) TokenPair { return TokenPair{String(key), value} }

// MarshalJSON implements [json.Marshaler].
func (t *Token) MarshalJSON() ([]byte, error) { return t.append(nil, 0) }

func (t *Token) append(b []byte, depth int) ([]byte, error) {
	switch {
	case t == nil:
		return append(b, "null"...), nil
	case depth > MaxDepth:
		return nil, errDepth
	case t.File == 0 && t.Line == 0 && t.Col == 0:
		switch t.Type {
		case StringToken:
			return appendString(b, t.Lit)
		case BooleanToken:
			return strconv.AppendBool(b, t.Bool), nil
		case NumberToken:
			return appendNumber(b, t.Num)
		case NullToken:
			return append(b, "null"...), nil
		case SequenceToken, MappingToken, ExpressionToken, InsertToken:
		}
	}
	b = append(b, `{"type":`...)
	b = strconv.AppendInt(b, int64(t.Type), 10)
	for _, p := range [...]struct {
		name string
		n    int
	}{{"file", t.File}, {"line", t.Line}, {"col", t.Col}} {
		if p.n != 0 {
			b = append(append(append(b, `,"`...), p.name...), `":`...)
			b = strconv.AppendInt(b, int64(p.n), 10)
		}
	}
	b, err := t.appendPayload(b, depth)
	return append(b, '}'), err
}

func (t *Token) appendPayload(b []byte, depth int) (_ []byte, err error) {
	switch t.Type {
	case StringToken:
		return appendString(append(b, `,"lit":`...), t.Lit)
	case ExpressionToken:
		return appendString(append(b, `,"expr":`...), t.Expr)
	case InsertToken:
		return append(b, `,"directive":"insert"`...), nil
	case BooleanToken:
		return strconv.AppendBool(append(b, `,"bool":`...), t.Bool), nil
	case NumberToken:
		return appendNumber(append(b, `,"num":`...), t.Num)
	case NullToken:
		return b, nil
	case SequenceToken:
		b = append(b, `,"seq":[`...)
		for i, v := range t.Seq {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = v.append(b, depth+1); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case MappingToken:
		b = append(b, `,"map":[`...)
		for i, p := range t.Map {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = p.Key.append(append(b, `{"key":`...), depth+1); err != nil {
				return nil, err
			}
			if b, err = p.Value.append(append(b, `,"value":`...), depth+1); err != nil {
				return nil, err
			}
			b = append(b, '}')
		}
		return append(b, ']'), nil
	}
	return nil, fmt.Errorf("unknown token type %d", t.Type)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (t *Token) UnmarshalJSON(b []byte) error {
	v, err := newReader(b).token()
	if err != nil {
		return fmt.Errorf("template token: %w", err)
	}
	*t = *v
	return nil
}

func (r *reader) token() (*Token, error) {
	v, err := r.next()
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case nil:
		return Null(), nil
	case string:
		return String(v), nil
	case bool:
		return Boolean(v), nil
	case float64:
		return Number(v), nil
	}
	if v != json.Delim('{') {
		return nil, fmt.Errorf("at offset %d: neither a scalar nor an object", r.dec.InputOffset())
	}
	t := &Token{}
	if err := r.object(func(name string) error { return r.tokenMember(t, lower(name)) }); err != nil {
		return nil, err
	}
	if t.Type < StringToken || t.Type > NullToken {
		return nil, fmt.Errorf("unknown token type %d", t.Type)
	}
	return t, nil
}

func (r *reader) tokenMember(t *Token, name string) error {
	switch name {
	case "type":
		return r.into(&t.Type)
	case "file":
		return r.into(&t.File)
	case "line":
		return r.into(&t.Line)
	case "col":
		return r.into(&t.Col)
	case "lit":
		return r.into(&t.Lit)
	case "expr":
		return r.into(&t.Expr)
	case "bool":
		return r.into(&t.Bool)
	case "num":
		return r.into(&t.Num)
	case "seq":
		return r.list(func() error {
			v, err := r.token()
			t.Seq = append(t.Seq, v)
			return err
		})
	case "map":
		return r.list(func() error {
			p, err := r.tokenPair()
			t.Map = append(t.Map, p)
			return err
		})
	}
	return r.skip()
}

func (r *reader) tokenPair() (p TokenPair, err error) {
	v, err := r.next()
	if err != nil {
		return p, err
	}
	if v != json.Delim('{') {
		return p, fmt.Errorf("at offset %d: an entry of a mapping is not an object", r.dec.InputOffset())
	}
	p = TokenPair{Key: String(""), Value: Null()}
	err = r.object(func(name string) (err error) {
		switch lower(name) {
		case "key":
			p.Key, err = r.token()
		case "value":
			p.Value, err = r.token()
		default:
			err = r.skip()
		}
		return err
	})
	return p, err
}
