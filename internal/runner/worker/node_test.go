package worker

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// hostCheck is the check of host names in the Actions toolkit.
const hostCheck = `function isGhes() {
    const ghUrl = new URL(process.env['GITHUB_SERVER_URL'] || 'https://github.com');
    const hostname = ghUrl.hostname.trimEnd().toUpperCase();
    const isGitHubHost = hostname === 'GITHUB.COM';
    const isGheHost = hostname.endsWith('.GHE.COM');
    const isLocalHost = hostname.endsWith('.LOCALHOST');
    return !isGitHubHost && !isGheHost && !isLocalHost;
}
console.log('ghes', isGhes(), process.argv.length, require('fs').readFileSync(__filename, 'utf8').includes('return ' + 'false'))
`

// Actions of the workspace do not come from the server, which lifts the check in others.
func TestTheHostCheckIsLiftedInActionsOfTheWorkspace(t *testing.T) {
	t.Parallel()
	needNode(t)
	for value, want := range map[string][]string{
		"true": {"Lifted the host check of the Actions toolkit in ", "/act/main.js. With --no-toolkit-patch", "ghes false 2 false"},
		"":     {"ghes true 2 false"},
	} {
		t.Run("switched on: "+value, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, uses("./act"), script("ls $RUNNER_TEMP/_runner_file_commands | grep -c lift || true"))
			b.job.Message.Variables[wire.VarLiftHostCheck] = wire.Variable{Value: value}
			github, _ := b.job.Message.ContextData["github"].(*wire.ContextDict)
			github.Pairs = append(github.Pairs, wire.ContextPair{Key: "server_url", Value: "http://127.0.0.1:3000"})
			b.workspace(map[string]string{"act/action.yml": "name: x\ndescription: x\nruns: {using: node20, main: main.js}\n", "act/main.js": hostCheck})
			equal(t, "conclusion", b.run().Conclusion, wire.Succeeded)
			contains(t, "the log", b.output("s1"), want...)
			if strings.Contains(b.output("s1"), "Lifted") != (value == "true") {
				t.Errorf("the log says\n%s", b.output("s1"))
			}
			contains(t, "what is left of it", b.output("s2"), "0")
		})
	}
}
