package storetest

import (
	"bytes"
	"testing"

	"github.com/understudy-ci/understudy/internal/store"
)

func TestEachOpensAStoreThatAnswers(t *testing.T) {
	for range 2 { // the second one copies the template
		Each(t, func(t *testing.T, s *store.Store) {
			if err := s.Writable(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The name of the PostgreSQL template comes from this content: were it different
// each time, every test program would leave a template behind.
func TestTemplateIsTheSameEachTime(t *testing.T) {
	first, err := makeTemplate()
	if err != nil {
		t.Fatal(err)
	}
	second, err := makeTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two templates of the same schema differ")
	}
}
