package results_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/results/resultstest"
	"github.com/understudy-ci/understudy/internal/servertest"
	"github.com/understudy-ci/understudy/internal/wire"
)

// BenchmarkLogIngestion sends pieces of 4 MiB as the bundled runner does: a call
// for an upload URL, then the piece. Client and server share the machine.
func BenchmarkLogIngestion(b *testing.B) {
	s := newServer(b, servertest.WithDeps(func(d *servertest.Deps) {
		d.Limits.Logs = logs.Limits{Part: 1 << 30, Job: 1 << 50, Parts: 1 << 40, Summary: 1, Live: 1, AllLive: 1}
	}))
	j := s.Job("build")
	step := s.Step(j, 1, "Run")
	line := []byte("2026-11-20T12:43:29.6859909Z a line of a log as they are\n")
	piece := bytes.Repeat(line, (4<<20)/len(line))
	b.SetBytes(int64(len(piece)))
	b.SetParallelism(5)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a := s.Do(http.MethodPut, s.stepURL(j, step.GUID)+"&"+wire.CompAppendBlock, "", bytes.NewReader(piece))
			if a.StatusCode != http.StatusCreated {
				b.Errorf("%d %s", a.StatusCode, a.Text)
			}
		}
	})
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapSys)/(1<<20), "MB-heap")
}

// BenchmarkSmallArtifacts creates, uploads in one block and finalizes artifacts
// of 1 KiB: four requests each, of eight jobs at once. Client and server share the
// machine, and the disk is not waited for.
func BenchmarkSmallArtifacts(b *testing.B) {
	s := newServer(b, servertest.WithDeps(func(d *servertest.Deps) { d.Limits.JobArtifacts = 1 << 30 }))
	s.Client.Transport.(*http.Transport).MaxIdleConnsPerHost = 8 // httptest's own
	content := noise(1 << 10)
	var n atomic.Int64
	b.SetParallelism(8 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := s.client(s.Job("build"))
		for pb.Next() {
			if _, err := c.Upload(b.Context(), fmt.Sprint("artifact-", n.Add(1)), content, len(content)); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "artifacts/s")
}

// BenchmarkDownload reads an artifact of 64 MiB in blocks of 8 MiB, as the
// toolkit does. The bytes go from the files to the connection in the kernel.
func BenchmarkDownload(b *testing.B) {
	s := newServer(b)
	c := s.client(s.Job("build"))
	content := noise(64 << 20)
	if _, err := c.Upload(b.Context(), "large", content, 8<<20); err != nil {
		b.Fatal(err)
	}
	list, err := c.List(b.Context(), "large", 0)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		url, err := c.SignedURL(b.Context(), list[0])
		if err != nil {
			b.Fatal(err)
		}
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, url, http.NoBody)
		if err != nil {
			b.Fatal(err)
		}
		resp, err := c.HTTP.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil || n != int64(len(content)) {
			b.Fatalf("%d, %v", n, err)
		}
	}
}

// BenchmarkUpload sends an artifact of 64 MiB in blocks of 8 MiB, four at a time.
// The server computes its digest, and the disk is not waited for.
func BenchmarkUpload(b *testing.B) {
	s := newServer(b)
	s.hashAhead(b)
	c := s.client(s.Job("build"))
	content := noise(64 << 20)
	digest := resultstest.Digest(content)
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		to, err := c.Create(b.Context(), "large")
		if err == nil {
			err = c.PutBlocks(b.Context(), to, content, 8<<20)
		}
		if err == nil {
			_, err = c.Finalize(b.Context(), "large", len(content), digest)
		}
		if err == nil {
			_, err = c.Delete(b.Context(), "large")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// hashAhead lets blocks be hashed while others arrive.
func (s *site) hashAhead(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Objects.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		cancel()
		wg.Wait()
	})
}
