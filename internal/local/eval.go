package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/runner/worker"
)

// An Evaluation is one expression and what it is evaluated with.
type Evaluation struct {
	Expression string    // with or without ${{ }}, or text with some in it
	Context    string    // file with the contexts, a JSON object; - is standard input, empty for none
	Stdin      io.Reader // for that
	Root, Home string    // where hashFiles looks for files, and what ~ means to it
	JSON       bool
}

// maxContext bounds the contexts that are read, in bytes: as values they take many times
// as much memory.
const maxContext = 2 << 20

// What went wrong with an expression, and when.
const (
	lexing     = "lexing"
	parsing    = "parsing"
	evaluation = "evaluation"
)

// An evalError is what went wrong, as JSON.
type evalError struct {
	Error struct {
		Phase   string `json:"phase"`
		Message string `json:"message"`
	} `json:"error"`
}

func newEvalError(phase string, err error) (e evalError) {
	e.Error.Phase, e.Error.Message = phase, err.Error()
	return e
}

// Eval prints the value of an expression: as GitHub prints it where text is wanted, or
// as JSON with its kind. An error of the expression is printed as JSON, too, if that is
// wanted, and the error is ErrTold then.
func Eval(ctx context.Context, t *Terminal, e *Evaluation) error {
	contexts, err := e.contexts()
	if err != nil {
		return err
	}
	v, phase, err := e.value(ctx, contexts)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && !e.JSON:
		return errors.New(lines(err.Error()))
	case err != nil:
		told := printJSON(t.Out, newEvalError(phase, err))
		return errors.Join(told, ErrTold)
	case e.JSON:
		_, err := fmt.Fprintf(t.Out, "{\"kind\":%q,\"value\":%s}\n", expr.KindOf(v), compact(v))
		return err
	case t.Interactive:
		_, err := fmt.Fprintln(t.Out, lines(expr.String(v)))
		return err
	}
	_, err = fmt.Fprintln(t.Out, expr.String(v))
	return err
}

// compact is a value as JSON on one line. Where a number is none that JSON has, it is null.
func compact(v expr.Value) []byte {
	var b bytes.Buffer
	if json.Compact(&b, []byte(expr.ToJSON(v))) != nil {
		return []byte("null")
	}
	return b.Bytes()
}

// lines is text of several lines for a terminal.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i, l := range list {
		list[i] = printable(strings.ReplaceAll(l, "\t", "    "))
	}
	return strings.Join(list, "\n")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// contexts are those that were given.
func (e *Evaluation) contexts() (*expr.Object, error) {
	if e.Context == "" {
		return expr.NewObject(), nil
	}
	text, err := readFile(e.Context, e.Stdin, maxContext)
	if err != nil {
		return nil, fmt.Errorf("--context: %w", err)
	}
	v, err := expr.FromJSON(text)
	if err != nil {
		return nil, fmt.Errorf("--context: %s: %w", printable(e.Context), err)
	}
	o, ok := v.(*expr.Object)
	if !ok {
		return nil, fmt.Errorf(`--context: %s: a JSON object is expected, such as {"github":{"ref":"refs/heads/main"}}`, printable(e.Context))
	}
	return o, nil
}

// value parses and evaluates. phase says where an error is from.
func (e *Evaluation) value(ctx context.Context, contexts *expr.Object) (v expr.Value, phase string, err error) {
	parsed, err := parseEither(e.Expression)
	if err != nil {
		if wrong, ok := errors.AsType[*expr.Error](err); ok && wrong.Lexing {
			return nil, lexing, err
		}
		return nil, parsing, err
	}
	if parsed == nil {
		return e.Expression, "", nil
	}
	v, err = parsed.Eval(&expr.Env{Contexts: contexts, Functions: e.functions(ctx, contexts)})
	return v, evaluation, err
}

// parseEither parses an expression, or text with ${{ }} in it. Neither can be taken for
// the other: an expression has ${{ in quotes only.
func parseEither(text string) (*expr.Expr, error) {
	parsed, wrong := expr.Parse(text, nil)
	if wrong == nil || !strings.Contains(text, "${{") {
		return parsed, wrong
	}
	parsed, _, err := expr.Template(text, nil)
	return parsed, err
}

// functions are those that are not part of the language. How a job stands is what
// job.status says, success where it says nothing.
func (e *Evaluation) functions(ctx context.Context, contexts *expr.Object) map[string]expr.Func {
	status := "success"
	if job, ok := contexts.Get("job"); ok {
		if job, ok := job.(*expr.Object); ok {
			if v, ok := job.Get("status"); ok && expr.String(v) != "" {
				status = expr.String(v)
			}
		}
	}
	is := func(want string) expr.Func {
		return func([]expr.Value) (expr.Value, error) { return strings.EqualFold(status, want), nil }
	}
	return map[string]expr.Func{
		"success": is("success"), "failure": is("failure"), "cancelled": is("cancelled"),
		"always": func([]expr.Value) (expr.Value, error) { return true, nil },
		"hashfiles": func(args []expr.Value) (expr.Value, error) {
			patterns := make([]string, len(args))
			for i, a := range args {
				patterns[i] = expr.String(a)
			}
			return worker.HashFiles(ctx, e.Root, e.Home, patterns, func(string) {})
		},
	}
}
