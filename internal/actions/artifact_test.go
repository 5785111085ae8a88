package actions_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Threat: Artifact name used as a path, incl. `..`, `\`, device names, trailing
// dots. Names never become paths here, but they do at clients: what LIM-1
// refuses is refused.
func TestArtifactNamesAreFileNamesEverywhere(t *testing.T) {
	for name, bad := range map[string]bool{
		"dist":                     false,
		"build output (1.2).tar":   false,
		"🎁 emoji":                  false,
		"ünïcödé":                  false,
		"...":                      true,
		"v1.0.":                    true,
		"v1 ":                      true,
		"CON":                      true,
		"nul":                      true,
		"Aux.txt":                  true,
		"com1 .log":                true,
		"config":                   false,
		"com10":                    false,
		"nullable.txt":             false,
		strings.Repeat("a", 251):   false,
		strings.Repeat("a", 252):   true,
		strings.Repeat("a", 300):   true,
		strings.Repeat("🎁", 63):    true, // 252 bytes
		"":                         true,
		".":                        true,
		"..":                       true,
		"../up":                    true,
		"a/b":                      true,
		`a\b`:                      true,
		`a"b`:                      true,
		"a:b":                      true,
		"a<b":                      true,
		"a>b":                      true,
		"a|b":                      true,
		"a*b":                      true,
		"a?b":                      true,
		"a\rb":                     true,
		"a\nb":                     true,
		"a\x00b":                   true,
		"a\x1bb":                   true,
		"a\x7fb":                   true,
		"a\u009bb":                 true,
		"not utf-8 \xff":           true,
		"C:":                       true,
		"line\u2028is a character": false,
	} {
		err := actions.CheckArtifactName(name)
		if got := actions.KindOf(err) == actions.Invalid; got != bad || (err != nil) != bad {
			t.Errorf("%q: %v, want an error: %v", name, err, bad)
		}
	}
}

// ART-4: what is asked for is bounded and never refused.
func TestArtifactsExpireWithinTheDaysOfTheirRepository(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	day := 24 * time.Hour
	for _, test := range []struct {
		name  string
		days  int
		asked time.Time
		want  time.Duration
	}{
		{"nothing asked", 90, time.Time{}, 90 * day},
		{"less asked", 90, now.Add(5 * day), 5 * day},
		{"more asked", 90, now.Add(100 * day), 90 * day},
		{"the past asked", 90, now.Add(-time.Hour), day},
		{"a second asked", 90, now.Add(time.Second), day},
		{"more asked than a week", 7, now.Add(8 * day), 7 * day},
		{"a year that cannot be", 365, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 365 * day},
	} {
		if got := actions.ArtifactExpiry(test.days, test.asked, now).Sub(now); got != test.want {
			t.Errorf("%s: kept for %v, want %v", test.name, got, test.want)
		}
	}
}

func TestArtifactsAreReadUntilTheyExpire(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name   string
		status actions.ArtifactStatus
		left   time.Duration
		want   actions.Kind
	}{
		{"pending", actions.ArtifactPending, time.Hour, actions.NotFound},
		{"live", actions.ArtifactLive, time.Hour, ""},
		{"over, and not swept yet", actions.ArtifactLive, 0, actions.Gone},
		{"expired", actions.ArtifactExpired, -time.Hour, actions.Gone},
	} {
		a := &actions.Artifact{Status: test.status, ExpiresAt: now.Add(test.left)}
		if got := actions.KindOf(a.Readable(now)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}
