package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stampAction is an action in JavaScript without packages, with main and post.
var stampAction = []string{
	"action.yml", `name: Stamp
description: Says who it is for
inputs:
  who: {required: true, description: who}
  secret-word: {default: hush, description: a word}
outputs:
  stamp: {description: what it made}
runs: {using: node20, main: dist/main.js, post: dist/post.js, post-if: success()}
`,
	"dist/main.js", `const fs = require('fs'), os = require('os'), path = require('path');
const out = (file, name, value) => fs.appendFileSync(process.env[file], name + '<<END_OF_IT' + os.EOL + value + os.EOL + 'END_OF_IT' + os.EOL);
const who = process.env['INPUT_WHO'];
console.log('::add-mask::' + process.env['INPUT_SECRET-WORD']);
console.log('main for ' + who + ', the word is ' + process.env['INPUT_SECRET-WORD']);
console.log('::notice file=dist/main.js,line=5,endLine=6,col=2,title=Stamped::for ' + who);
console.log('::warning::mind the%0Agap');
console.log('::group::inside');
console.log('path ' + fs.existsSync(path.join(__dirname, 'helper.js')) + ' ' + process.env.GITHUB_ACTION_REPOSITORY + ' ' + process.env.GITHUB_ACTION_REF);
console.log('::endgroup::');
console.log('::debug::not shown');
out('GITHUB_OUTPUT', 'stamp', 'stamped ' + who + os.EOL + 'second line');
out('GITHUB_STATE', 'who', who);
out('GITHUB_ENV', 'STAMPED', 'yes, ' + who);
fs.appendFileSync(process.env.GITHUB_PATH, path.join(__dirname, 'bin') + os.EOL);
fs.appendFileSync(process.env.GITHUB_STEP_SUMMARY, '### Stamp for **' + who + '**' + os.EOL);
`,
	"dist/helper.js", "",
	"dist/bin/stamped", "#!/bin/sh\necho a program of the action\n",
	"dist/post.js", "console.log('post for ' + process.env.STATE_who);\n",
}

// outerAction is a composite action that uses another and the one in JavaScript.
var outerAction = []string{
	"action.yml", `name: Outer
description: Uses others
inputs:
  who: {default: nobody, description: who}
outputs:
  all: {description: everything, value: "${{ steps.script.outputs.text }}/${{ steps.stamp.outputs.stamp }}"}
runs:
  using: composite
  steps:
    - id: script
      shell: bash
      run: |
        echo "text=outer ${{ inputs.who }}" >>"$GITHUB_OUTPUT"
        cat "$GITHUB_ACTION_PATH/data.txt"
      env:
        ONLY_HERE: "1"
    - id: stamp
      uses: tools/stamp@v1
      with: {who: "inner ${{ inputs.who }}"}
    - uses: tools/outer/nested@main
      with: {what: "${{ steps.script.outputs.text }}"}
    - if: failure()
      shell: bash
      run: echo never
`,
	"data.txt", "data of the action\n",
	"nested/action.yml", `name: Nested
description: In a directory
inputs: {what: {required: true, description: what}}
runs:
  using: composite
  steps:
    - shell: sh
      run: echo "nested ${{ inputs.what }}; $ONLY_HERE."
`,
}

// actionsWorkflow uses all of them, and a local one.
const actionsWorkflow = `on: push
jobs:
  first:
    runs-on: ubuntu-latest
    outputs:
      stamp: ${{ steps.js.outputs.stamp }}
      all: ${{ steps.composite.outputs.all }}
    steps:
      - run: 'git -c http.extraHeader="Authorization: basic $(printf x:${{ github.token }} | base64 -w0)" clone -q $GITHUB_SERVER_URL/$GITHUB_REPOSITORY.git .'
      - id: js
        name: In JavaScript
        uses: tools/stamp@v1
        with: {who: me}
      - run: stamped && echo "env $STAMPED"
      - id: composite
        uses: tools/outer@main
        with: {who: you}
      - uses: ./.github/actions/local
        with: {n: "${{ steps.js.conclusion == 'success' && 41 || 42 }}"}
        continue-on-error: true
      - uses: ./.github/actions/local
        with: {n: 42}
  second:
    runs-on: ubuntu-latest
    needs: first
    steps:
      - run: |
          echo "got ${{ toJSON(needs.first.outputs) }}" | tr -d '\n'
`

// actionRepository pushes files to a new repository of the organization tools.
func (s *server) actionRepository(name string, files []string, refs ...string) {
	s.t.Helper()
	s.do(http.MethodPost, "/orgs/tools/repos", map[string]any{"name": name}, nil)
	r := s.newRepository(name) // for its working tree
	r.mustGit("remote", "set-url", "origin", s.url+"/tools/"+name+".git")
	for i := 0; i+1 < len(files); i += 2 {
		path := filepath.Join(r.tree, files[i])
		write(s.t, path, files[i+1])
		if strings.HasPrefix(files[i+1], "#!") {
			if err := os.Chmod(path, 0o755); err != nil { // a program
				s.t.Fatal(err)
			}
		}
	}
	r.commit()
	r.push(refs...)
}

func TestActionsOfEveryKindWorkTogether(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.do(http.MethodPost, "/admin/organizations", map[string]string{"login": "tools", "admin": "admin"}, nil)
	s.actionRepository("stamp", stampAction, "main", "main:refs/tags/v1")
	s.actionRepository("outer", outerAction)
	r := s.newRepository("hello")
	r.publish()
	sha := r.commit(".github/workflows/ci.yml", actionsWorkflow,
		".github/actions/local/action.yml", `name: Local
description: Of this repository
inputs: {n: {required: true, description: n}}
runs:
  using: composite
  steps:
    - run: echo "local ${{ inputs.n }} in $(basename $GITHUB_WORKSPACE)"; test ${{ inputs.n }} -eq 42
      shell: bash
`)
	r.push()
	one := r.runOf(sha)
	r.await(one, "success")

	var jobs struct {
		Jobs []struct {
			job
			Steps []struct{ Name, Conclusion string }
		}
	}
	r.ask(r.token, http.MethodGet, fmt.Sprintf("%s/actions/runs/%d/jobs", r.api, one.ID), nil).json(&jobs)
	var steps []string
	for _, step := range jobs.Jobs[0].Steps {
		steps = append(steps, step.Name+": "+step.Conclusion)
	}
	want := []string{
		"Set up job: success", "Run git -c http.extraHeader=\"Authorization: basic $(printf x: | base64 -w0)\" clone -q $GITHUB_SERVER_URL/$GITHUB_REPOSITORY.git .: success",
		"In JavaScript: success", "Run stamped && echo \"env $STAMPED\": success", "Run tools/outer@main: success",
		"Run ./.github/actions/local: success", "Run ./.github/actions/local: success",
		"Post Run tools/outer@main: success", "Post In JavaScript: success", "Complete job: success",
	}
	if diff := cmp.Diff(want, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	first := jobs.Jobs[0].job
	r.checkActionsLog(&first)
	const passed = "got {  all: outer you/stamped inner younsecond line,  stamp: stamped mensecond line}"
	if log := r.log(&jobs.Jobs[1].job); !slices.Contains(log, passed) {
		t.Errorf("the second job's log lacks %q:\n%s", passed, strings.Join(log, "\n"))
	}
	r.checkActionsAnnotations(&first)
	r.page(fmt.Sprintf("/%s/actions/runs/%d", r.name, one.ID)).
		has("Stamp for <strong>me</strong>", "Stamp for <strong>inner you</strong>", "<strong>Stamped</strong>", "mind the\ngap")
	r.page(fmt.Sprintf("/%s/actions/runs/%d/job/%d", r.name, one.ID, first.ID)).has("Post In JavaScript")
}

// checkActionsLog checks what the actions said.
func (r *repository) checkActionsLog(j *job) {
	r.t.Helper()
	log := r.log(j)
	for _, line := range []string{
		"main for me, the word is ***", "##[notice]for me", "##[warning]mind the", "path true tools/stamp v1", "a program of the action", "env yes, me",
		"data of the action", "main for inner you, the word is ***", "nested outer you; .", "local 41 in hello", "local 42 in hello",
		"  secret-word: ***", "post for inner you", "post for me", "Set output 'stamp'", "Set output 'all'",
	} {
		if !slices.Contains(log, line) {
			r.t.Errorf("the log lacks %q", line)
		}
	}
	if inner, outer := slices.Index(log, "post for inner you"), slices.Index(log, "post for me"); inner > outer {
		r.t.Error("the post steps run in the order of the main steps")
	}
	if text := strings.Join(log, "\n"); strings.Count(text, "hush") != 1 /* before it is a secret */ || strings.Contains(text, "not shown") || strings.Contains(text, "never") {
		r.t.Error("the log shows what it must not")
	}
	if r.t.Failed() {
		r.t.Logf("log:\n%s", strings.Join(log, "\n"))
	}
}

// checkActionsAnnotations checks what the actions remarked.
func (r *repository) checkActionsAnnotations(j *job) {
	r.t.Helper()
	type annotation struct {
		Path, Title, Message string
		Level                string `json:"annotation_level"`
		Start                int    `json:"start_line"`
		End                  int    `json:"end_line"`
	}
	var annotations []annotation
	r.ask(r.token, http.MethodGet, fmt.Sprintf("%s/check-runs/%d/annotations", r.api, j.ID), nil).want(http.StatusOK, "").json(&annotations)
	for i := range annotations {
		if a := &annotations[i]; a.Path == ".github" {
			a.Start, a.End = 0, 0 // lines of the log
		}
	}
	all := []annotation{
		{"dist/main.js", "Stamped", "for me", "notice", 5, 6},
		{".github", "", "mind the\ngap", "warning", 0, 0},
		{"dist/main.js", "Stamped", "for inner you", "notice", 5, 6},
		{".github", "", "mind the\ngap", "warning", 0, 0},
		{".github", "", "Process completed with exit code 1.", "failure", 0, 0},
	}
	if diff := cmp.Diff(all, annotations); diff != "" {
		r.t.Errorf("annotations (-want +got):\n%s", diff)
	}
}
