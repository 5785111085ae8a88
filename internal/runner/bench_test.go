package runner

import (
	"context"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// BenchmarkPrinting100MB is one job that prints 100 MB at full speed, with the
// real worker and a server that only keeps what it gets.
func BenchmarkPrinting100MB(b *testing.B) {
	benchmarkJobs(b, worker.Run, `yes "the quick brown fox jumps over the lazy dog and goes on for a while after that!" | head -c 100000000`)
	b.SetBytes(100_000_000)
}

// BenchmarkTrue is one job after the other that runs the smallest script.
func BenchmarkTrue(b *testing.B) { benchmarkJobs(b, worker.Run, "true") }

// BenchmarkNoOpJob is one job after the other that do nothing.
func BenchmarkNoOpJob(b *testing.B) {
	benchmarkJobs(b, func(_ context.Context, j *worker.Job) *worker.Result {
		j.Sink.Step(wire.StepUpdate{ExternalID: "a", Number: 1, Status: wire.StepInProgress})
		j.Sink.Log("a", []byte("hello\n"))
		j.Sink.EndLog("a")
		return &worker.Result{Conclusion: wire.Succeeded}
	}, "")
}

func benchmarkJobs(b *testing.B, execute executor, script string) {
	b.Helper()
	s := newServer(b)
	root := configure(b, s, nil)
	r, err := New(Config{Root: root, Execute: execute, Env: []string{"PATH=/usr/bin:/bin"}, Now: time.Now, Log: testLog(b)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- r.Listen(ctx) }()
	s.step = wire.Step{
		Type: wire.ActionStep, ID: "a0000000-0000-0000-0000-000000000001", Name: "__run", ContextName: "__run", Condition: "success()",
		Reference: wire.Reference{Type: wire.RefScript}, Inputs: wire.Mapping(wire.Pair(wire.InputScript, wire.String(script))),
	}
	for b.Loop() {
		s.offer("request-1")
		if got := s.result(); got.Conclusion != wire.Succeeded {
			b.Fatalf("conclusion %+v", got)
		}
	}
	cancel()
	if err := <-done; err != nil {
		b.Error(err)
	}
}
