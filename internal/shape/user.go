package shape

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A SimpleUser is an account as other objects show it.
type SimpleUser struct {
	Login             string `json:"login"`
	ID                int64  `json:"id"`
	NodeID            string `json:"node_id"`
	AvatarURL         string `json:"avatar_url"`
	GravatarID        string `json:"gravatar_id"`
	URL               string `json:"url"`
	HTMLURL           string `json:"html_url"`
	FollowersURL      string `json:"followers_url"`
	FollowingURL      string `json:"following_url"`
	GistsURL          string `json:"gists_url"`
	StarredURL        string `json:"starred_url"`
	SubscriptionsURL  string `json:"subscriptions_url"`
	OrganizationsURL  string `json:"organizations_url"`
	ReposURL          string `json:"repos_url"`
	EventsURL         string `json:"events_url"`
	ReceivedEventsURL string `json:"received_events_url"`
	Type              string `json:"type"`
	SiteAdmin         bool   `json:"site_admin"`
}

// NewSimpleUser is the object for a.
func NewSimpleUser(b Base, a *actions.Account) *SimpleUser {
	api := b.API + "/users/" + url.PathEscape(a.Login)
	html := b.HTML + "/" + a.Login
	if slug, ok := strings.CutSuffix(a.Login, "[bot]"); ok && a.Type == actions.Bot {
		html = b.HTML + "/apps/" + slug
	}
	return &SimpleUser{
		Login:             a.Login,
		ID:                a.ID,
		NodeID:            NodeID(string(a.Type), a.ID),
		AvatarURL:         avatar(b, a),
		URL:               api,
		HTMLURL:           html,
		FollowersURL:      api + "/followers",
		FollowingURL:      api + "/following{/other_user}",
		GistsURL:          api + "/gists{/gist_id}",
		StarredURL:        api + "/starred{/owner}{/repo}",
		SubscriptionsURL:  api + "/subscriptions",
		OrganizationsURL:  api + "/orgs",
		ReposURL:          api + "/repos",
		EventsURL:         api + "/events{/privacy}",
		ReceivedEventsURL: api + "/received_events",
		Type:              string(a.Type),
		SiteAdmin:         a.SiteAdmin,
	}
}

// avatar stands below a name that no account can have, and package web serves it.
func avatar(b Base, a *actions.Account) string {
	return b.HTML + "/_avatars/" + strconv.FormatInt(a.ID, 10)
}

// An OrganizationSimple is an organization as event payloads show it.
type OrganizationSimple struct {
	Login            string `json:"login"`
	ID               int64  `json:"id"`
	NodeID           string `json:"node_id"`
	URL              string `json:"url"`
	ReposURL         string `json:"repos_url"`
	EventsURL        string `json:"events_url"`
	HooksURL         string `json:"hooks_url"`
	IssuesURL        string `json:"issues_url"`
	MembersURL       string `json:"members_url"`
	PublicMembersURL string `json:"public_members_url"`
	AvatarURL        string `json:"avatar_url"`
	Description      string `json:"description"`
}

// NewOrganizationSimple is the object for an organization.
func NewOrganizationSimple(b Base, a *actions.Account) *OrganizationSimple {
	api := b.API + "/orgs/" + a.Login
	return &OrganizationSimple{
		Login:            a.Login,
		ID:               a.ID,
		NodeID:           NodeID(string(a.Type), a.ID),
		URL:              api,
		ReposURL:         api + "/repos",
		EventsURL:        api + "/events",
		HooksURL:         api + "/hooks",
		IssuesURL:        api + "/issues",
		MembersURL:       api + "/members{/member}",
		PublicMembersURL: api + "/public_members{/member}",
		AvatarURL:        avatar(b, a),
	}
}
