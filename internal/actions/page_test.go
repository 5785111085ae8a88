package actions_test

import (
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestPagesOfAListInMemory(t *testing.T) {
	list := []int{1, 2, 3, 4, 5}
	for number, want := range map[int][]int{1: {1, 2}, 2: {3, 4}, 3: {5}, 4: {}, 99: {}} {
		if got := actions.Slice(actions.Page{Number: number, Size: 2}, list); !slices.Equal(got, want) {
			t.Errorf("page %d: %v, want %v", number, got, want)
		}
	}
	for total, want := range map[int]int{0: 1, 1: 1, 2: 1, 3: 2, 4: 2, 5: 3} {
		if got := (actions.Page{Number: 1, Size: 2}).Last(total); got != want {
			t.Errorf("%d entries have %d pages, want %d", total, got, want)
		}
	}
}
