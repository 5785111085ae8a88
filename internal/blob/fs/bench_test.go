package fs_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

// plain hides everything of a reader but Read, as the body of a request does.
type plain struct{ io.Reader }

func put(b *testing.B, s blob.Store, content []byte, relaxed bool) string {
	b.Helper()
	info, err := s.Put(context.WithoutCancel(b.Context()), plain{bytes.NewReader(content)},
		blob.PutOptions{Limit: 1 << 30, Size: int64(len(content)), Relaxed: relaxed})
	if err != nil {
		b.Fatal(err)
	}
	return info.Key
}

// BenchmarkSmall puts 1 KiB from 8 goroutines per processor.
func BenchmarkSmall(b *testing.B) {
	for name, relaxed := range map[string]bool{"durable": false, "relaxed": true} {
		b.Run(name, func(b *testing.B) {
			s := open(b, b.TempDir(), blobfs.Options{Now: time.Now})
			content := bytes.Repeat([]byte("x"), 1<<10)
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					put(b, s, content, relaxed)
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
		})
	}
}

func BenchmarkSmallOpenAndDelete(b *testing.B) {
	s := open(b, b.TempDir(), blobfs.Options{Now: time.Now})
	content := strings.Repeat("x", 1<<10)
	var keys []string
	for range b.N {
		keys = append(keys, blobtest.PutWith(b, s, content, blob.PutOptions{Relaxed: true}))
	}
	b.ResetTimer()
	for _, key := range keys {
		o, err := s.Open(b.Context(), key)
		if err != nil {
			b.Fatal(err)
		}
		_ = o.Close()
		if err := s.Delete(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBig puts 8 MiB, and copies 8 MiB to a plain file for comparison.
func BenchmarkBig(b *testing.B) {
	const rounds = 16 // then it is all removed, so that the disk does not fill up
	content := bytes.Repeat([]byte("0123456789abcdef"), 8<<20/16)
	b.Run("plain file", func(b *testing.B) {
		b.SetBytes(rounds * 8 << 20)
		dir := b.TempDir()
		for b.Loop() {
			for range rounds {
				f, err := os.CreateTemp(dir, "")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(f, plain{bytes.NewReader(content)}); err != nil {
					b.Fatal(err)
				}
				_ = f.Close()
			}
			all, _ := filepath.Glob(filepath.Join(dir, "*"))
			for _, path := range all {
				_ = os.Remove(path)
			}
		}
	})
	for _, c := range []struct {
		name           string
		relaxed, flush bool
	}{{"relaxed", true, false}, {"relaxed, flushed together", true, true}, {"durable", false, false}} {
		b.Run(c.name, func(b *testing.B) {
			s := open(b, b.TempDir(), blobfs.Options{Now: time.Now})
			b.SetBytes(rounds * 8 << 20)
			for b.Loop() {
				var keys []string
				for range rounds {
					keys = append(keys, put(b, s, content, c.relaxed))
				}
				if c.flush {
					if err := s.Flush(b.Context(), keys...); err != nil {
						b.Fatal(err)
					}
				}
				for _, key := range keys {
					if err := s.Delete(b.Context(), key); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkServe answers requests with 64 MiB, once from the blob as it is and
// once with its methods hidden from the kernel.
func BenchmarkServe(b *testing.B) {
	const n = 64 << 20
	s := open(b, b.TempDir(), blobfs.Options{Now: time.Now})
	key := put(b, s, make([]byte, n), true)
	for name, hide := range map[string]bool{"as it is": false, "hidden": true} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(n)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				o, err := s.Open(r.Context(), key)
				if err != nil {
					b.Error(err)
					return
				}
				defer o.Close()
				w.Header().Set("Content-Length", "67108864")
				var from io.Reader = o
				if hide {
					from = plain{o}
				}
				if _, err := io.CopyN(w, from, n); err != nil {
					b.Error(err)
				}
			}))
			defer server.Close()
			buf := make([]byte, 1<<20)
			for b.Loop() {
				fetch(b, server.Listener.Addr().String(), n, buf)
			}
		})
	}
}

// fetch reads n bytes and more from a server, doing as little as it can.
func fetch(b *testing.B, addr string, n int, buf []byte) {
	b.Helper()
	var d net.Dialer
	c, err := d.DialContext(b.Context(), "tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		b.Fatal(err)
	}
	got := 0
	for {
		more, err := c.Read(buf)
		if got += more; errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	if got < n {
		b.Fatalf("got %d bytes of %d", got, n)
	}
}
