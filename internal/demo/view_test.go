package demo

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file in testdata. Escapes are shown as ␛.
func golden(t *testing.T, name, got string) {
	t.Helper()
	got = strings.ReplaceAll(got, "\x1b", "␛")
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// recorded are the states of a run with a build of two and a test that fails.
func recorded() []*frame {
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	steps := func(conclusions ...string) []step {
		names := []string{"Set up job", "Run actions/checkout@v5", "Build", "Complete job"}
		list := make([]step, len(names))
		for i, name := range names {
			list[i] = step{Number: i + 1, Name: name, Status: "queued"}
			if i < len(conclusions) {
				list[i].period = period{at(100 * i), at(100 * (i + 1))}
				list[i].Status, list[i].Conclusion = completed, conclusions[i]
				if conclusions[i] == "" {
					list[i].Status, list[i].ended = inProgress, time.Time{}
				}
			}
		}
		return list
	}
	running := func(id int64, name, runner string, steps []step) job {
		return job{ID: id, Name: name, Status: inProgress, Runner: runner, Steps: steps, period: period{began: at(0)}}
	}
	done := func(id int64, name, runner, conclusion string, ms int, steps []step) job {
		return job{ID: id, Name: name, Status: completed, Conclusion: conclusion, Runner: runner, Steps: steps, period: period{at(0), at(ms)}}
	}
	r := run{ID: 7, Name: "CI", Number: 3, Event: "push", Branch: "main", Status: "queued"}
	going, over := r, r
	going.Status = inProgress
	over.Status, over.Conclusion = completed, failure
	waiting := job{ID: 3, Name: "test", Status: "queued"}
	return []*frame{
		{r, []job{{ID: 1, Name: "build (en)", Status: "queued"}, {ID: 2, Name: "build (de)", Status: "queued"}, waiting}, at(0)},
		{going, []job{running(1, "build (en)", "bundled-1", steps(success, "")), {ID: 2, Name: "build (de)", Status: "queued"}, waiting}, at(150)},
		{going, []job{done(1, "build (en)", "bundled-1", success, 1234, steps(success, success, success, success)), running(2, "build (de)", "bundled-2", steps(success, success, "")), waiting}, at(1300)},
		{over, []job{
			done(1, "build (en)", "bundled-1", success, 1234, steps(success, success, success, success)),
			done(2, "build (de)", "bundled-2", failure, 2345, steps(success, success, failure, success)),
			{ID: 3, Name: "test", Status: completed, Conclusion: skipped},
		}, at(2400)},
	}
}

func play(t *Terminal, frames []*frame) string {
	var out bytes.Buffer
	t.Out = &out
	v := newView(t)
	for _, f := range frames {
		v.show(f)
	}
	v.finish(frames[len(frames)-1])
	return out.String()
}

func TestRunIsToldLineByLineWhereNothingCanBeDrawn(t *testing.T) {
	golden(t, "plain.golden", play(&Terminal{}, recorded()))
}

func TestRunIsDrawnInPlaceOnATerminal(t *testing.T) {
	size := func() (int, int) { return 60, 30 }
	golden(t, "terminal.golden", play(&Terminal{Interactive: true, Size: size}, recorded()))
}

func TestRunHasColoursWhereTheyAreWanted(t *testing.T) {
	size := func() (int, int) { return 60, 30 }
	golden(t, "colour.golden", play(&Terminal{Interactive: true, Color: true, Size: size}, recorded()))
}

// What has left the screen can't be drawn again: frames must fit.
func TestPictureFitsTheTerminal(t *testing.T) {
	for _, lines := range []int{3, 5, 8, 24} {
		var out bytes.Buffer
		const width = 30
		v := newView(&Terminal{Out: &out, Interactive: true, Size: func() (int, int) { return width, lines }})
		for _, f := range recorded() {
			out.Reset()
			v.show(f)
			if got := strings.Count(out.String(), "\n"); got >= lines {
				t.Errorf("%d lines on a terminal of %d", got, lines)
			}
			for line := range strings.Lines(out.String()) {
				if got := len([]rune(strings.TrimSpace(printable(line)))); got > width {
					t.Errorf("%d columns on a terminal of %d: %q", got, width, line)
				}
			}
		}
	}
}

func TestNamesCannotSteerTheTerminal(t *testing.T) {
	frames := recorded()
	for _, f := range frames {
		f.run.Name = "C\x1b]0;title\aI"
		f.jobs[0].Name = "build\x1b[2J\r\n\u202e(en)"
	}
	for _, interactive := range []bool{true, false} {
		got := play(&Terminal{Interactive: interactive}, frames)
		for _, bad := range []string{"\x1b[2J", "\x1b]", "\a", "\r\n", "\u202e"} {
			if strings.Contains(got, bad) {
				t.Errorf("interactive %t: output holds %q", interactive, bad)
			}
		}
	}
}

func TestTimesReadWell(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{0, "0 ms"},
		{999 * time.Millisecond, "999 ms"},
		{1240 * time.Millisecond, "1.2 s"},
		{65 * time.Second, "1 min 5 s"},
	} {
		if got := took(c.d); got != c.want {
			t.Errorf("%v: got %q, want %q", c.d, got, c.want)
		}
	}
}
