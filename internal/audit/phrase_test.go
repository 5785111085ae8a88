package audit_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/audit"
	"github.com/understudy-ci/understudy/internal/store"
)

func TestAPhraseNarrowsTheLog(t *testing.T) {
	at := func(text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	end := 24*time.Hour - time.Microsecond
	for phrase, want := range map[string]store.AuditFilter{
		"":                               {},
		"action:repo.create -actor:Mona": {Terms: []store.AuditTerm{{Field: "action", Value: "repo.create"}, {Field: "actor", Value: "Mona", Not: true}}},
		"actor_ip:2001:db8::1":           {Terms: []store.AuditTerm{{Field: "actor_ip", Value: "2001:db8::1"}}},
		"created:2026-01-31":             {From: at("2026-01-31"), To: at("2026-01-31").Add(end)},
		"created:>=2026-01-31":           {From: at("2026-01-31")},
		"created:<=2026-01-31":           {To: at("2026-01-31").Add(end)},
		"created:2026-01-01..2026-01-31": {From: at("2026-01-01"), To: at("2026-01-31").Add(end)},
	} {
		got, err := audit.Parse(phrase)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%q: %v %s", phrase, err, d)
		}
	}
}

func TestAPhraseThatCannotBeReadIsRefused(t *testing.T) {
	for _, phrase := range []string{
		"word", "action:", "-created:2026-01-31", "country:us", "created:yesterday", "created:2026-01-31..", "created:>=x", "created:2026-01-31 created:2026-01-30",
		strings.Repeat("a:b ", 21), strings.Repeat("x", 1001),
	} {
		if _, err := audit.Parse(phrase); actions.KindOf(err) != actions.Invalid {
			t.Errorf("%.40q: %v", phrase, err)
		}
	}
}
