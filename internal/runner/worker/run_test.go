package worker

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

func TestScriptRunsAndIsShownAsOnGitHub(t *testing.T) {
	b := newBench(t, script("echo hello $GREETING\necho two\n", env("GREETING", wire.String("mona"))))
	b.job.Message.EnvironmentVariables = []*wire.Token{wire.Mapping(wire.Pair("LEVEL", wire.String("job")))}
	res := b.run()
	equal(t, "conclusion", res.Conclusion, wire.Succeeded)
	equal(t, "steps", conclusions(res), "1 Set up job: succeeded\n2 Run echo hello $GREETING: succeeded\n3 Complete job: succeeded\n")
	equal(t, "log", b.log("s1"), "##[group]Run echo hello $GREETING\n"+
		"\x1b[36;1mecho hello $GREETING\x1b[0m\n\x1b[36;1mecho two\x1b[0m\n"+
		"shell: /usr/bin/bash -e {0}\nenv:\n  LEVEL: job\n  GREETING: mona\n##[endgroup]\nhello mona\ntwo\n")
	equal(t, "setup", b.log(res.Steps[0].ExternalID), "Current runner version: '1.0.0'\nRunner name: 'test'\n"+
		"Runner group name: 'Default'\nMachine name: 'host'\n##[group]GITHUB_TOKEN Permissions\nContents: read\nMetadata: read\n##[endgroup]\n"+
		"Prepare workflow directory\nPrepare all required actions\nComplete job name: build\n")
	equal(t, "complete", b.log(res.Steps[2].ExternalID), "Cleaning up orphan processes\n")
	for _, s := range res.Steps {
		if !b.sink.ended[s.ExternalID] {
			t.Errorf("log of %q has not ended", s.Name)
		}
	}
}

func TestSetUpShowsAllThatGitHubShows(t *testing.T) {
	b := newBench(t, script("true"))
	m := b.job.Message
	m.Variables[wire.VarCacheMode] = wire.Variable{Value: "read"}
	m.Variables[wire.VarWorkflowFile] = wire.Variable{Value: "octo/shared/.github/workflows/build.yml"}
	m.Variables[wire.VarWorkflowFileRef] = wire.Variable{Value: "refs/tags/v1"}
	m.Variables[wire.VarWorkflowFileSHA] = wire.Variable{Value: "0123"}
	m.Dependencies = []string{"actions/checkout@v4"}
	github, _ := m.ContextData["github"].(*wire.ContextDict)
	github.Pairs = append(github.Pairs, wire.ContextPair{Key: "secret_source", Value: "Actions"})
	m.ContextData["inputs"] = dict(wire.ContextPair{Key: "level", Value: "high"}, wire.ContextPair{Key: "key", Value: "hunter2hunter2"})
	m.JobServiceContainers = wire.Mapping(wire.Pair("db", wire.Mapping(wire.Pair("image", wire.String("")))))
	res := b.run()
	_, got, _ := strings.Cut(b.log(res.Steps[0].ExternalID), "##[endgroup]\n")
	equal(t, "setup", got, "Secret source: Actions\nCache mode: read\nUsing locked action versions from the workflow's lockfile\n"+
		"Prepare workflow directory\nThe service 'db' will not be started because the container definition has an empty image.\n"+
		"Prepare all required actions\nUses: octo/shared/.github/workflows/build.yml@refs/tags/v1 (0123)\n"+
		"##[group] Inputs\n  level: high\n  key: ***\n##[endgroup]\nComplete job name: build\n")
}
