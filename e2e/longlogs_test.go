package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/wire"
)

// A long log comes in pieces of 2 MiB, by the calls of the Azure library. Step, job and
// archive have all that was printed, also where the server was killed between the pieces.
func TestLongLogsOfGitHubsRunnerAreWhole(t *testing.T) {
	for name, c := range map[string]struct {
		lines, width int
		kill         bool // when the second piece is there
	}{
		"2.1 MiB":              {2_100, 1_000, false},
		"30 MiB and a restart": {30_000, 1_000, true},
		"300,000 lines":        {300_000, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutage(t, true)
			o.job.printed("short").end(wire.Succeeded, "")
			long := o.job.step("long")
			for i := range c.lines {
				long.print(fmt.Sprintf("line %d%s", i+1, strings.Repeat("x", c.width)))
			}
			before := o.runner.puts.Load()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				long.end(wire.Succeeded, "")
			}()
			if c.kill {
				until(t, "no piece arrives", func() bool { return o.runner.puts.Load() >= before+3 })
				o.kill()
				o.runner.untilAsking()
				o.launch()
				o.ready()
			}
			<-ended
			if err := o.job.finish(wire.Succeeded); err != nil || len(o.job.lost) > 0 {
				t.Errorf("completed: %v; lost were %q", err, o.job.lost)
			}
			o.wantWhole(o.conclude(o.run, "success"))
		})
	}
}
