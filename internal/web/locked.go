package web

import (
	"net/http"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A lockedList is what the actions of an attempt stood for.
type lockedList struct {
	Total        int
	Rows         []lockedRow
	Newer, Older string // pages of the list
}

type lockedRow struct {
	Name, Ref, SHA string
	From           string // where it comes from
	Kept, Asked    timestamp
}

const shownLocked = 50 // on one page

// lockedOfRun are the actions of an attempt, by name.
func (s *Site) lockedOfRun(r *http.Request, runID int64, attempt int) (lockedList, error) {
	p := pageOf(r, "actions", shownLocked)
	found, total, err := s.store.LockedActions(r.Context(), runID, attempt, p)
	if err != nil {
		return lockedList{}, err
	}
	l, now := lockedList{Total: total}, s.now()
	l.Newer, l.Older = neighbours(p, total, here(r, "actions", "#actions"))
	for _, a := range found {
		l.Rows = append(l.Rows, lockedRow{a.Name, a.Ref, a.SHA, fromOf(a), timestampOf(a.KeptAt, now), timestampOf(a.AskedAt, now)})
	}
	return l, nil
}

// fromOf says where an action comes from.
func fromOf(a *actions.LockedAction) string {
	_, host, _ := strings.Cut(a.Host, "://")
	switch a.Origin {
	case actions.OfRepository:
		return "this server"
	case actions.BuiltIn:
		return "built in"
	case actions.Fetched:
		return "fetched from " + host
	case actions.Imported:
		if host != "" {
			return "imported from " + host
		}
		return "imported"
	case actions.MadeHere:
		return "imported files, commit made here"
	}
	return string(a.Origin)
}
