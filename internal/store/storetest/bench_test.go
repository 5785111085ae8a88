package storetest

import "testing"

func BenchmarkOpenForATest(b *testing.B) {
	for b.Loop() {
		_ = Open(b)
	}
}
