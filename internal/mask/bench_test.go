package mask_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/mask"
)

// benchMasker has a few secrets of the usual kinds.
func benchMasker() *mask.Masker {
	m := &mask.Masker{}
	m.Add("ghs_16C7e42F292c6912E7710c838347Ae178B4a")
	m.Add("hunter2-hunter2")
	m.Add("AKIAIOSFODNN7EXAMPLE")
	m.Add("-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n", 20))
	return m
}

// benchLog is a megabyte of build output.
func benchLog() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "2026-11-20T12:43:29.6859909Z [%d/4096] g++ -O2 -Iinclude -c src/module_%d.cc -o build/obj/module_%d.o\n", i%4096, i, i)
	}
	return b.Bytes()
}

func BenchmarkLine(b *testing.B) {
	m, lines := benchMasker(), bytes.SplitAfter(benchLog(), []byte("\n"))
	b.SetBytes(1 << 20)
	b.ReportAllocs()
	for b.Loop() {
		for _, line := range lines {
			m.Line(line)
		}
	}
}

// BenchmarkNearMisses masks text that is a secret all the time, but for its end.
func BenchmarkNearMisses(b *testing.B) {
	m := &mask.Masker{}
	m.Add(strings.Repeat("a", 10_000) + "b")
	text := bytes.Repeat([]byte("a"), 1<<20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.Line(text)
	}
}

func BenchmarkAdd(b *testing.B) {
	var values []string
	for i := range 100 {
		values = append(values, fmt.Sprintf("secret number %d is this", i))
	}
	b.Run("one by one", func(b *testing.B) {
		for b.Loop() {
			var m mask.Masker
			for _, v := range values {
				m.Add(v)
			}
		}
	})
	b.Run("together", func(b *testing.B) {
		for b.Loop() {
			var m mask.Masker
			m.AddAll(values)
		}
	})
}
