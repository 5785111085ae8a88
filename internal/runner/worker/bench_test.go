package worker

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/wire"
)

// A nullSink counts bytes.
type nullSink struct{ bytes int64 }

func (*nullSink) Step(wire.StepUpdate)                   {}
func (s *nullSink) Log(_ string, text []byte)            { s.bytes += int64(len(text)) }
func (*nullSink) EndLog(string)                          {}
func (*nullSink) Summary(string, int64, io.Reader) error { return nil }

func benchJob(b *testing.B, text string) (*Job, *nullSink) {
	b.Helper()
	sink := &nullSink{}
	dir := b.TempDir()
	for _, name := range []string{"_temp", "_actions"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	return &Job{
		Message: message([]wire.Step{script(text)}), WorkDir: dir,
		TempDir: filepath.Join(dir, "_temp"), ActionsDir: filepath.Join(dir, "_actions"), ToolDir: dir,
		Host: host.NewLocal([]string{"PATH=/usr/bin:/bin", "HOME=/tmp"}, host.NewTrackingID()), Sink: sink, Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	}, sink
}

func BenchmarkNoOpJob(b *testing.B) {
	for b.Loop() {
		job, _ := benchJob(b, "true")
		if res := Run(context.Background(), job); res.Conclusion != wire.Succeeded {
			b.Fatal(res.Conclusion)
		}
	}
}

func BenchmarkOutput(b *testing.B) {
	const size = 200 << 20
	b.SetBytes(size)
	for b.Loop() {
		job, sink := benchJob(b, "yes 'a line of ordinary output that a build might print, number 12345, and some more' | head -c 209715200")
		Run(context.Background(), job)
		if sink.bytes < size {
			b.Fatal(sink.bytes)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	job, _ := benchJob(b, "true")
	r := newRunning(context.Background(), job, officialTiming())
	rec := r.steps.records.next("x", "x")
	o := &output{execution: &execution{job: r, record: rec}}
	var batch []byte
	for len(batch) < 256<<10 {
		batch = append(batch, "2026-11-20 a line of ordinary output that a build might print, number 12345\n"...)
	}
	b.SetBytes(int64(len(batch)))
	b.ReportAllocs()
	for b.Loop() {
		o.take(batch)
	}
}
