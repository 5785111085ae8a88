package expr_test

import (
	"errors"
	"testing"

	"github.com/understudy-ci/understudy/internal/expr"
)

// sampleJSON is the array of EXP-10.
const sampleJSON = `[{"n":"a","t":[1,2]},{"n":"b"},{"t":[3]},7]`

// testEnv has a few contexts and the functions that a job's condition has.
func testEnv(t *testing.T) *expr.Env {
	t.Helper()
	p, err := expr.FromJSON([]byte(sampleJSON))
	if err != nil {
		t.Fatalf("sample: %v", err)
	}
	env := expr.NewCaseSensitiveObject().Set("Foo", "upper").Set("foo", "lower").Set("true", "named")
	github := expr.Of(map[string]any{
		"ref":   "refs/heads/x",
		"event": map[string]any{"n": 1, "labels": []string{"bug", "UI"}},
	})
	answer := func(v bool) expr.Func {
		return func([]expr.Value) (expr.Value, error) { return v, nil }
	}
	return &expr.Env{
		Contexts: expr.NewObject().Set("p", p).Set("env", env).Set("github", github),
		Functions: map[string]expr.Func{
			"success":   answer(true),
			"always":    answer(true),
			"failure":   answer(false),
			"cancelled": answer(false),
			"hashfiles": func([]expr.Value) (expr.Value, error) { return nil, errHash },
		},
	}
}

var errHash = errors.New("no workspace")

// evaluate parses and evaluates src without a scope.
func evaluate(t *testing.T, src string) (expr.Value, error) {
	t.Helper()
	e, err := expr.Parse(src, nil)
	if err != nil {
		return nil, err
	}
	return e.Eval(testEnv(t))
}

// checkRows evaluates each source and compares the JSON of its value.
func checkRows(t *testing.T, rows map[string]string) {
	t.Helper()
	for src, want := range rows {
		v, err := evaluate(t, src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := expr.ToJSON(v); got != want {
			t.Errorf("%s: got %s, want %s", src, got, want)
		}
	}
}

// checkErrors wants each source to fail with a message at a byte offset.
func checkErrors(t *testing.T, rows []errorRow) {
	t.Helper()
	for _, row := range rows {
		v, err := evaluate(t, row.src)
		var e *expr.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v and error %v, want an *expr.Error", row.src, v, err)
			continue
		}
		if e.Offset != row.offset || e.Msg != row.msg {
			t.Errorf("%s:\n got %q at %d\nwant %q at %d", row.src, e.Msg, e.Offset, row.msg, row.offset)
		}
	}
}

type errorRow struct {
	src    string
	msg    string
	offset int
}
