// Package auditlog is the page "Audit log" of the reference for the enterprise, and the
// operation "Get the audit log for an organization".
package auditlog

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/audit"
	"github.com/understudy-ci/understudy/internal/auth"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/rest"
	"github.com/understudy-ci/understudy/internal/shape"
	"github.com/understudy-ci/understudy/internal/store"
)

// Routes are the operations of the page.
func Routes(st *store.Store) []rest.Route {
	p := &page{st}
	return []rest.Route{
		{
			Pattern: "GET /enterprises/{enterprise}/audit-log", Handle: p.list,
			Docs: "enterprise-server@3.19/rest/enterprise-admin/audit-log#get-the-audit-log-for-an-enterprise",
			Need: auth.Need{On: auth.Enterprise, Role: actions.Admin, Scopes: []string{"admin:enterprise", "read:audit_log"}},
		},
		{
			Pattern: "GET /orgs/{org}/audit-log", Handle: p.list,
			Docs: "enterprise-server@3.19/rest/orgs/orgs#get-the-audit-log-for-an-organization",
			Need: auth.Need{On: auth.Org, Role: actions.Admin, Scopes: []string{"admin:org", "read:audit_log"}, Permission: "organization_administration", Level: auth.ReadLevel},
		},
	}
}

type page struct{ store *store.Store }

// list serves GET /enterprises/{enterprise}/audit-log and GET /orgs/{org}/audit-log.
// Owners of an organization do not learn the addresses of its members.
func (p *page) list(w http.ResponseWriter, r *http.Request) error {
	c, l := rest.CallOf(r), rest.ListingOf(r)
	f, err := filter(l.Query)
	if err != nil {
		return err
	}
	if c.Org != nil {
		f.OrgID = c.Org.ID
		if slices.ContainsFunc(f.Terms, func(t store.AuditTerm) bool { return t.Field == store.AuditByActorIP }) {
			return actions.Errorf(actions.Forbidden, "phrase: actor_ip is for admins of the enterprise")
		}
	}
	found, err := p.find(r.Context(), f, l)
	if err != nil {
		return err
	}
	answer := make([]map[string]any, len(found.entries))
	for i, e := range found.entries {
		answer[i] = shape.NewAuditEntry(e)
		if c.Org != nil {
			delete(answer[i], "actor_ip")
		}
	}
	if links := found.links(c.Base.API+r.URL.EscapedPath(), l.Query); links != "" {
		w.Header().Set("Link", links)
	}
	return httpjson.Write(w, http.StatusOK, answer)
}

// filter reads what narrows and orders the log.
func filter(q url.Values) (store.AuditFilter, error) {
	f, err := audit.Parse(q.Get("phrase"))
	if err != nil {
		return f, err
	}
	switch q.Get("order") {
	case "", "desc":
	case "asc":
		f.Oldest = true
	default:
		return f, actions.Errorf(actions.Invalid, "order is neither desc nor asc")
	}
	switch q.Get("include") {
	case "", "web", "all":
	case "git": // there are none
		f.Terms = append(f.Terms, store.AuditTerm{Field: store.AuditByAction, Value: "git"})
	default:
		return f, actions.Errorf(actions.Invalid, "include is none of web, git and all")
	}
	if page := q.Get("page"); page != "" && page != "1" {
		return f, actions.Errorf(actions.Invalid, "page: the log has no numbered pages here, follow the Link header")
	}
	return f, nil
}

// A part of the log.
type part struct {
	entries    []*actions.AuditEntry
	prev, next bool // there are entries before it, behind it
}

// find reads the part that begins behind the cursor after, or ends before the cursor
// before.
func (p *page) find(ctx context.Context, f store.AuditFilter, l rest.Listing) (found part, err error) {
	after, err := cursor(l.Query.Get("after"), "after")
	if err != nil {
		return found, err
	}
	before, err := cursor(l.Query.Get("before"), "before")
	if err != nil {
		return found, err
	}
	if after != 0 && before != 0 {
		return found, actions.Errorf(actions.Invalid, "after and before cannot be together")
	}
	from, backwards := after, before != 0
	if backwards {
		from, f.Oldest = before, !f.Oldest
	}
	if f.Oldest {
		f.After = from
	} else {
		f.Before = from
	}
	list, err := p.store.AuditEntries(ctx, f, l.Page.Size+1)
	if err != nil {
		return found, err
	}
	more := len(list) > l.Page.Size
	found.entries = list[:min(len(list), l.Page.Size)]
	found.prev, found.next = after != 0, more
	if backwards {
		slices.Reverse(found.entries)
		found.prev, found.next = more, true
	}
	return found, nil
}

// links is the Link header, empty for none.
func (p *part) links(target string, query url.Values) string {
	var links []string
	add := func(rel, after, before string) {
		q := url.Values{"after": {after}, "before": {before}}
		for name, values := range query {
			if name != "after" && name != "before" && name != "page" {
				q[name] = values
			}
		}
		links = append(links, "<"+target+"?"+q.Encode()+`>; rel="`+rel+`"`)
	}
	if n := len(p.entries); n > 0 {
		if p.next {
			add("next", text(p.entries[n-1].ID), "")
		}
		if p.prev {
			add("first", "", "")
			add("prev", "", text(p.entries[0].ID))
		}
	}
	return strings.Join(links, ", ")
}

// text is the cursor of an entry.
func text(id int64) string {
	return base64.RawURLEncoding.EncodeToString(strconv.AppendInt(nil, id, 10))
}

// cursor reads what text wrote; 0 for none.
func cursor(s, name string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	digits, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		var id int64
		if id, err = strconv.ParseInt(string(digits), 10, 64); err == nil && id > 0 {
			return id, nil
		}
	}
	return 0, actions.Errorf(actions.Invalid, "%s is no cursor of a Link header", name)
}
