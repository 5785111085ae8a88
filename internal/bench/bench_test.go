package bench

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMomentsComeFromTheLogOfAJob(t *testing.T) {
	log := "\ufeff2026-11-20T12:43:29.0000000Z Current runner version: '1'\n" +
		"2026-11-20T12:43:29.0100000Z ##[group]Runner Image\n" +
		"2026-11-20T12:43:29.0200000Z ##[group]Run echo \"first command at $EPOCHREALTIME\"\n" +
		"not a line of a log\n" +
		"2026-11-20T12:43:29.0250000Z first command at 1795178609.024000\n"
	got, err := parseJobTimes(log)
	if err != nil {
		t.Fatal(err)
	}
	base := time.Date(2026, 11, 20, 12, 43, 29, 0, time.UTC)
	if !got.acquired.Equal(base) || !got.started.Equal(base.Add(20*time.Millisecond)) || got.command.UnixMicro() != 1795178609024000 {
		t.Errorf("got %+v", got)
	}
	if _, err := parseJobTimes("2026-11-20T12:43:29.0000000Z nothing\n"); err == nil {
		t.Error("a log without a step is accepted")
	}
}

func TestLinesComeFromAStreamOfEvents(t *testing.T) {
	stream := "retry: 3000\n\n" +
		"event: steps\ndata: []\n\n" +
		"event: lines\nid: 1:2\ndata: {\"n\":1,\"from\":1,\"lines\":[{\"p\":[[\"\",\"printed \"],[\"b\",\"at 1.000001\"]]},{\"p\":[]}]}\n\n" +
		": still here\n\n" +
		"event: end\ndata: \"x\"\n\n" +
		"event: lines\ndata: not read any more\n\n"
	var got []string
	err := events(strings.NewReader(stream), func(event string, data []byte) (bool, error) {
		if event != "lines" {
			return event != "end", nil
		}
		lines, err := linesOf(data)
		got = append(got, lines...)
		return true, err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"printed at 1.000001", ""}, got); diff != "" {
		t.Error(diff)
	}
}

func TestPercentileIsAValueThatWasMeasured(t *testing.T) {
	values := []int{5, 1, 4, 2, 3}
	for _, c := range []struct{ p, want int }{{0, 1}, {50, 3}, {95, 5}, {100, 5}} {
		if got := percentile(values, c.p); got != c.want {
			t.Errorf("percentile %d: got %d, want %d", c.p, got, c.want)
		}
	}
	if got := median[int](nil); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

func TestAReportShowsMissedGoals(t *testing.T) {
	r := Report{
		Rows: []Row{
			{What: "a", Figure: "1 s", Goal: "≤ 2 s", Met: true, Peers: "9 s"},
			{What: "b", Figure: "3 s", Goal: "≤ 2 s", Reference: "disk"},
		},
		Machine: []Fact{{"kernel", "linux"}}, Date: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC), Took: time.Minute,
	}
	text := r.Markdown()
	for _, want := range []string{
		"| a | **1 s** | ≤ 2 s ✓ |  | 9 s |\n", "| b | **3 s** | ≤ 2 s, missed | disk |  |\n",
		"| kernel | linux |\n", "| date | 2026-11-20, in 1m0s |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestAnUnknownMeasurementIsRefused(t *testing.T) {
	if _, err := (Config{}).choose([]string{"latency", "no-such"}); err == nil {
		t.Error("it is accepted")
	}
	got, err := (Config{}).choose([]string{"matrix"})
	if err != nil || len(got) != 1 || got[0].Name != "matrix" {
		t.Errorf("got %v, %v", got, err)
	}
	if all, err := (Config{Postgres: "postgres://x"}).choose(nil); err != nil || len(all) != len(Measurements()) {
		t.Errorf("no names: %d measurements, %v", len(all), err)
	}
	if _, err := (Config{}).choose([]string{"servers"}); err == nil {
		t.Error("without PostgreSQL, what needs it is accepted")
	}
	if all, err := (Config{}).choose(nil); err != nil || len(all) != len(Measurements())-1 {
		t.Errorf("no names and no PostgreSQL: %d measurements, %v", len(all), err)
	}
}

func TestTheKernelSaysWhatThisProcessUses(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc here:", err)
	}
	for _, name := range []string{resident, peakResident} {
		if n, err := memory(os.Getpid(), name); err != nil || n < 1<<20 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if _, err := processorTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if fileSystem(t.TempDir()) == "" {
		t.Error("no file system is above the temporary directory")
	}
}

func TestAComparisonTakesTheMedianOfTheRoundsRatios(t *testing.T) {
	c := Comparison{Older: "old", Newer: "new", Rounds: 3, Took: time.Minute}
	for _, l := range []struct {
		value        Value
		older, newer []float64
	}{
		// The machine is slower in the second round, for both.
		{Value{What: "a cost", Unit: "ms", Ratio: 0.65}, []float64{10, 30, 10}, []float64{6, 18, 7}},
		{cost("another cost", 0), []float64{10, 10, 10}, []float64{12, 9, 12}},
		{speed("a rate", 0, "/s"), []float64{100, 100, 100}, []float64{95, 80, 99}},
		{Value{What: "a limit", Unit: "×", Limit: 1.3}, []float64{1.4, 1.4, 1.4}, []float64{1.2, 1.6, 1.1}},
	} {
		for i := range l.older {
			line := c.line(l.value)
			line.Older, line.Newer = append(line.Older, l.older[i]), append(line.Newer, l.newer[i])
		}
	}
	text := c.Markdown()
	for _, want := range []string{
		"| a cost | 10.0 ms | 7.00 ms | **0.60×** | 0.60–0.70 | ≤ 0.65× ✓ |\n",
		"| another cost | 10.0 ms | 12.0 ms | **1.20×** | 0.90–1.20 | ≤ 1.10×, **missed** |\n",
		"| a rate | 100/s | 95.0/s | **0.95×** | 0.80–0.99 | ≥ 0.90× ✓ |\n",
		"| a limit | 1.40× | 1.20× | **0.86×** | 0.79–1.14 | ≤ 1.30× ✓ |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestAProgramThatFailsEndsAComparisonAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	_, err := Against(t.Context(), Config{Binary: "/bin/false", Dir: dir, Now: time.Now, Out: t.Output()}, "/bin/false", 1, []string{"dispatches"})
	if err == nil {
		t.Error("it has a result")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
