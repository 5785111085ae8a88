package servertest

import "testing"

// BenchmarkNew is what each test pays that needs a server.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		New(b)
	}
}
