package workflow_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/event"
	"github.com/understudy-ci/understudy/internal/expr"
	"github.com/understudy-ci/understudy/internal/workflow"
)

// first reads the first event of a workflow whose `on` is given.
func first(t *testing.T, on string) *workflow.Event {
	t.Helper()
	w, err := workflow.Parse("x.yml", []byte("on: "+on+oneJob))
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Warnings) > 0 {
		t.Errorf("%s: %v", on, w.Warnings)
	}
	return w.On[0]
}

func TestPatternsMatchAsInTheCheatSheet(t *testing.T) { // TRG-6
	tests := []struct {
		pattern  string
		yes, not []string
	}{
		{"feature/*", []string{"feature/a", "feature/"}, []string{"feature/a/b", "feature"}},
		{"feature/**", []string{"feature/a/b", "feature/a"}, []string{"feature", "xfeature/a"}},
		{"releases/mona-the-octocat", []string{"releases/mona-the-octocat"}, []string{"releases/mona"}},
		{"*", []string{"main"}, []string{"a/b"}},
		{"**", []string{"main", "a/b"}, nil},
		{"*feature", []string{"feature", "ver-10-feature"}, []string{"a/feature", "features"}},
		{"v2*", []string{"v2", "v2.0", "v2.9"}, []string{"v1", "v2/a"}},
		{"v[12].[0-9]+.[0-9]+", []string{"v1.10.1", "v2.0.0"}, []string{"v3.1.1", "v1.1", "v1.a.1"}},
		{"*.ts?", []string{"a.t", "a.ts"}, []string{"a.tss", "b/a.ts"}},
		{"**.js", []string{"index.js", "src/js/app.js"}, []string{"a.jsx"}},
		{"**/docs/**", []string{"docs/a", "x/docs/a/b"}, []string{"xdocs/a"}},
		{"**/*-post.md", []string{"my-post.md", "a/b/x-post.md"}, []string{"post.md"}},
		{"{a,b}", []string{"{a,b}"}, []string{"a"}},
		{`\*\?`, []string{"*?"}, []string{"a"}},
		{"[a-cx]+", []string{"a", "abcx"}, []string{"d", ""}},
		{"a+b", []string{"aab", "ab"}, []string{"b", "a+b"}},
		{"é?x", []string{"éx", "x"}, []string{"ééx"}},
	}
	for _, tt := range tests {
		e := first(t, "{push: {branches: ['"+tt.pattern+"']}}")
		for _, name := range tt.yes {
			if !e.Match(&event.Event{FilterRef: "refs/heads/" + name}) {
				t.Errorf("%s does not match %s", tt.pattern, name)
			}
		}
		for _, name := range tt.not {
			if e.Match(&event.Event{FilterRef: "refs/heads/" + name}) {
				t.Errorf("%s matches %s", tt.pattern, name)
			}
		}
	}
}

func TestPatternsOfEvilShapeAreMatchedInBoundedTime(t *testing.T) {
	e := first(t, "{push: {paths: ['"+strings.Repeat("**a", 5000)+"b']}}")
	path := strings.Repeat("a", 20_000)
	push := &event.Event{FilterRef: "refs/heads/main", Changed: func() ([]string, bool) { return []string{path}, true }}
	if !e.Match(push) {
		t.Error("matching that is given up must run the workflow")
	}
}

func TestPushStartsTheWorkflowByRefAndPath(t *testing.T) { // TRG-4, TRG-5, TRG-7
	tests := []struct {
		on, ref string
		paths   string // changed files, blank-separated; "?" if unknown
		want    bool
	}{
		{"push", "refs/heads/a", "", true},
		{"push", "refs/tags/a", "", true},
		{"{push: {branches: [main]}}", "refs/tags/v1", "", false},
		{"{push: {tags: ['v*']}}", "refs/heads/main", "", false},
		{"{push: {branches: [main], tags: ['v*']}}", "refs/tags/v1", "", true},
		{"{push: {branches: [main], tags: ['v*']}}", "refs/heads/main", "", true},
		{"{push: {paths: ['src/**']}}", "refs/tags/v1", "", true},
		{"{push: {branches-ignore: [wip]}}", "refs/tags/v1", "", false},
		{"{push: {branches-ignore: [wip]}}", "refs/heads/wip", "", false},
		{"{push: {branches-ignore: [wip]}}", "refs/heads/main", "", true},
		{"{push: {tags-ignore: ['v*']}}", "refs/tags/v1", "", false},
		{"{push: {tags-ignore: ['v*']}}", "refs/tags/x", "", true},
		{"{push: {branches: ['**', '!wip/**', wip/a]}}", "refs/heads/wip/a", "", true},
		{"{push: {branches: ['**', '!wip/**', wip/a]}}", "refs/heads/wip/b", "", false},
		{"{push: {branches: ['!wip']}}", "refs/heads/main", "", false},
		{"{push: {branches: []}}", "refs/heads/main", "", false},
		{"{push: {paths: ['src/**', '!**.md']}}", "refs/heads/main", "src/a.md", false},
		{"{push: {paths: ['src/**', '!**.md']}}", "refs/heads/main", "a src/a.md src/b", true},
		{"{push: {paths: ['src/**']}}", "refs/heads/main", "", false},
		{"{push: {paths: ['src/**']}}", "refs/heads/main", "?", true},
		{"{push: {paths-ignore: ['docs/**']}}", "refs/heads/main", "docs/a", false},
		{"{push: {paths-ignore: ['docs/**']}}", "refs/heads/main", "docs/a b", true},
		{"{push: {branches: [main], paths: [a]}}", "refs/heads/dev", "a", false},
		{"{push: {paths: [b]}}", "refs/heads/main", strings.Repeat("a ", 300) + "b", false},
		{"{push: {paths: [b]}}", "refs/heads/main", strings.Repeat("a ", 299) + "b", true},
	}
	for _, tt := range tests {
		changed := func() ([]string, bool) { return strings.Fields(tt.paths), tt.paths != "?" }
		if got := first(t, tt.on).Match(&event.Event{FilterRef: tt.ref, Changed: changed}); got != tt.want {
			t.Errorf("%s: push of %s with %.30s: got %t, want %t", tt.on, tt.ref, tt.paths, got, tt.want)
		}
	}
}

func TestActivityTypesDefaultPerEvent(t *testing.T) { // TRG-2, TRG-13
	for _, tt := range []struct {
		on, action string
		want       bool
	}{
		{"pull_request", "closed", false},
		{"pull_request", "synchronize", true},
		{"{repository_dispatch: {types: [any-word]}}", "other", false},
		{"{repository_dispatch: {types: [any-word]}}", "any-word", true},
		{"repository_dispatch", "other", true},
	} {
		e := first(t, tt.on)
		if got := e.Match(&event.Event{Name: e.Name, Action: tt.action}); got != tt.want {
			t.Errorf("%s: %s of %q: got %t, want %t", tt.on, tt.action, e.Types, got, tt.want)
		}
	}
}

func TestEveryEventIsReadWithAllThatItHas(t *testing.T) { // TRG-13
	values := map[string]string{"inputs": "{a: {type: string}}", "secrets": "{a: }", "outputs": "{a: {value: b}}"}
	for _, k := range event.Kinds() {
		if k.Name == "schedule" { // has a sequence of its own
			continue
		}
		var fields []string
		if k.HasTypes() {
			fields = append(fields, "types: ["+strings.Join(k.Types, ", ")+"]")
		}
		for _, key := range k.Keys {
			if value, ok := values[key]; ok {
				fields = append(fields, key+": "+value)
			} else if !strings.HasSuffix(key, "-ignore") { // they exclude each other
				fields = append(fields, key+": [a]")
			}
		}
		e := first(t, "{"+k.Name+": {"+strings.Join(fields, ", ")+"}}")
		if e.Name != k.Name || len(e.Types) != len(k.Types) {
			t.Errorf("%s is read as %+v", k.Name, e)
		}
	}
}

func TestDispatchInputsAreCheckedAndTyped(t *testing.T) { // TRG-12
	const on = `{workflow_dispatch: {inputs: {
		text: {default: d}, must: {required: true}, flag: {type: boolean}, on: {type: boolean, default: true},
		pick: {type: choice, options: [a, b], default: b}, n: {type: number}}}}`
	tests := []struct {
		name   string
		given  map[string]string
		inputs string // the context as JSON, or the error
		event  string
	}{
		{
			"defaults",
			map[string]string{"MUST": "x"},
			`{"text":"d","must":"x","flag":false,"on":true,"pick":"b","n":""}`,
			`{"text":"d","must":"x","flag":"false","on":"true","pick":"b","n":""}`,
		},
		{
			"given",
			map[string]string{"must": "x", "text": "", "flag": "true", "on": "false", "pick": "a", "n": "4"},
			`{"text":"","must":"x","flag":true,"on":false,"pick":"a","n":"4"}`,
			`{"text":"","must":"x","flag":"true","on":"false","pick":"a","n":"4"}`,
		},
		{"missing", nil, `Required input 'must' not provided`, ""},
		{"empty", map[string]string{"must": ""}, `Required input 'must' not provided`, ""},
		{"unknown", map[string]string{"must": "x", "z": "", "y": ""}, `Unexpected inputs provided: ["y", "z"]`, ""},
		{
			"option",
			map[string]string{"must": "x", "pick": "c"},
			`Provided value 'c' for input 'pick' not in the list of allowed values`, "",
		},
		{
			"boolean",
			map[string]string{"must": "x", "flag": "yes"},
			`Provided value 'yes' for input 'flag' not in the list of allowed values`, "",
		},
		{
			"number",
			map[string]string{"must": "x", "n": "four"},
			`Provided value 'four' for input 'n' not in the list of allowed values`, "",
		},
		{
			"too long",
			map[string]string{"must": strings.Repeat("x", 65_536)},
			`inputs are too large: at most 65535 characters are allowed`, "",
		},
	}
	e := first(t, on)
	for _, tt := range tests {
		inputs, ev, err := e.DispatchInputs(tt.given)
		if err != nil {
			if err.Error() != tt.inputs {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.inputs)
			}
			continue
		}
		if diff := cmp.Diff([]string{tt.inputs, tt.event}, []string{compact(inputs), compact(ev)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// compact is a flat object as JSON on one line.
func compact(o *expr.Object) string {
	s := strings.NewReplacer("\n  ", "", "\n", "", `": `, `":`).Replace(expr.ToJSON(o))
	return s
}
