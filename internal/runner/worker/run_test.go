package worker

import (
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
