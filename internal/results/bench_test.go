package results_test

import (
	"bytes"
	"net/http"
	"runtime"
	"testing"

	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// BenchmarkLogIngestion sends pieces of 4 MiB as the bundled runner does: a call
// for a place, then the piece. Client and server share the machine.
func BenchmarkLogIngestion(b *testing.B) {
	s := newServer(b, storetest.Open(b), logs.Limits{Part: 1 << 30, Job: 1 << 50, Parts: 1 << 40, Summary: 1, Live: 1, AllLive: 1})
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	line := []byte("2026-11-20T12:43:29.6859909Z a line of a log as they are\n")
	piece := bytes.Repeat(line, (4<<20)/len(line))
	b.SetBytes(int64(len(piece)))
	b.SetParallelism(5)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPut, s.stepURL(j, step.GUID)+"&"+wire.CompAppendBlock, bytes.NewReader(piece))
			if err != nil {
				b.Error(err)
				return
			}
			if status, answer, _ := s.do(req); status != http.StatusCreated {
				b.Errorf("%d %s", status, answer)
			}
		}
	})
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "MB-heap")
}
