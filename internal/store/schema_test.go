package store_test

import (
	"testing"

	"github.com/understudy-ci/understudy/internal/store/storetest"
)

func TestSchemaOfThisProgramOpensTwice(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		for range 2 {
			if err := storetest.OpenURL(t, url).Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
