// Package audit reads phrases that search the audit log, as GitHub documents them.
// The entries are written by those who change something: see store.Tx.Audit.
package audit

import (
	"slices"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store"
)

const (
	maxPhrase = 1000 // bytes
	maxTerms  = 20
)

var fields = []store.AuditField{
	store.AuditByAction, store.AuditByOperation, store.AuditByActor, store.AuditByActorID, store.AuditByActorIP, store.AuditByOrg,
	store.AuditByOrgID, store.AuditByRepo, store.AuditByRepoID, store.AuditByUser, store.AuditByUserID,
}

// Parse reads a search phrase: terms with spaces between them, such as
// "action:repo actor:octocat -repo:octo/hello created:>=2026-01-31". Each is FIELD:VALUE,
// with a hyphen before it for what is not to be. All must fit; of several for one field
// one is enough. Of created there is one: DATE, >=DATE, <=DATE or DATE..DATE, in UTC. The
// empty phrase is everything. What cannot be read is Invalid.
func Parse(phrase string) (f store.AuditFilter, err error) {
	if len(phrase) > maxPhrase {
		return f, actions.Errorf(actions.Invalid, "phrase is longer than %d bytes", maxPhrase)
	}
	terms := strings.Fields(phrase)
	if len(terms) > maxTerms {
		return f, actions.Errorf(actions.Invalid, "phrase has more than %d terms", maxTerms)
	}
	for _, term := range terms {
		name, value, _ := strings.Cut(term, ":")
		field, not := strings.CutPrefix(name, "-")
		switch {
		case value == "":
			return f, actions.Errorf(actions.Invalid, "phrase: %.50q is not FIELD:VALUE", term)
		case name == "created":
			if !f.From.IsZero() || !f.To.IsZero() {
				return f, actions.Errorf(actions.Invalid, "phrase: created stands there twice")
			}
			if f.From, f.To, err = days(value); err != nil {
				return f, err
			}
		case slices.Contains(fields, store.AuditField(field)):
			f.Terms = append(f.Terms, store.AuditTerm{Field: store.AuditField(field), Value: value, Not: not})
		default:
			return f, actions.Errorf(actions.Invalid, "phrase: %.50q is not one of created and %v", name, fields)
		}
	}
	return f, nil
}

// days reads DATE, >=DATE, <=DATE or DATE..DATE.
func days(text string) (from, to time.Time, err error) {
	first, last, isRange := strings.Cut(text, "..")
	if after, ok := strings.CutPrefix(text, ">="); ok {
		from, err = day(after)
		return from, to, err
	}
	if before, ok := strings.CutPrefix(text, "<="); ok {
		first, last, isRange = "", before, true
	}
	if first != "" {
		if from, err = day(first); err != nil {
			return from, to, err
		}
	}
	if !isRange {
		last = first
	}
	to, err = day(last)
	return from, to.Add(24*time.Hour - time.Microsecond), err
}

func day(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, actions.Errorf(actions.Invalid, "phrase: %.50q is no date as 2026-01-31", text)
	}
	return t, nil
}
