package s3_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/s3/s3test"
)

func BenchmarkPut(b *testing.B) {
	s := s3test.Start(b).Open(b, "")
	for name, size := range map[string]int{"1 KiB": 1 << 10, "8 MiB": 8 << 20} {
		b.Run(name, func(b *testing.B) {
			content := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			for b.Loop() {
				r := struct{ io.Reader }{bytes.NewReader(content)} // as plain as the body of a request
				info, err := s.Put(context.WithoutCancel(b.Context()), r, blob.PutOptions{Limit: int64(size), Size: int64(size)})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Delete(b.Context(), info.Key); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
