package rest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/understudy-ci/understudy/internal/rest"
)

func TestIDsOfRepositoriesAreNumbersOrText(t *testing.T) {
	for text, want := range map[string]rest.RepositoryIDs{
		`[1, "22", 3]`: {1, 22, 3}, `[]`: {}, `null`: nil,
	} {
		var got rest.RepositoryIDs
		if err := json.Unmarshal([]byte(text), &got); err != nil || !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{`[1.5]`, `["a"]`, `[null]`, `[[1]]`, `{}`, `1`, `[99999999999999999999]`} {
		var got rest.RepositoryIDs
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s is taken: %v", text, got)
		}
	}
}
