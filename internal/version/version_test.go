package version_test

import (
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/version"
)

func TestVersionsAreDates(t *testing.T) {
	for _, c := range []struct {
		header string
		want   version.Version
		fails  bool
	}{
		{"", version.V20221128, false},
		{"2022-11-28", version.V20221128, false},
		{"2026-03-10", version.V20260310, false},
		{"v3", "", true},
		{"2023-01-01", "", true},
		{"2026-03-10 ", "", true},
	} {
		got, err := version.Parse(c.header)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("Parse(%q) = %q, %v; want %q, error %t", c.header, got, err, c.want, c.fails)
		}
	}
}

func TestUnknownVersionIsAnsweredWithThoseThereAre(t *testing.T) {
	_, err := version.Parse("v3")
	for _, want := range []string{`"v3"`, `"2026-03-10" (most recent), "2022-11-28".`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %s", err, want)
		}
	}
}

func TestLaterVersionHasWhatAnEarlierOneBroke(t *testing.T) {
	if !version.V20260310.AtLeast(version.V20221128) || !version.V20260310.AtLeast(version.V20260310) || version.V20221128.AtLeast(version.V20260310) {
		t.Error("versions are not ordered by date")
	}
}
