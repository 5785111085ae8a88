package runner

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/wire"
)

func pathOf(rawURL string) string {
	path, _, _ := strings.Cut(rawURL, "?")
	return path
}

// join is name below base, whether or not base ends in a slash.
func join(base, name string) string { return strings.TrimRight(base, "/") + "/" + name }

// origin is scheme and authority of a URL.
func origin(rawURL string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("%q is not an http URL", rawURL)
	}
	return u.Scheme + "://" + u.Host, nil
}

// apiBase is the base of the REST API for the URL of a repository,
// organization or enterprise, and the scope below it.
func apiBase(raw string) (base, scope string, err error) {
	at, err := origin(raw)
	if err != nil {
		return "", "", err
	}
	path := strings.Trim(strings.TrimPrefix(raw, at), "/")
	parts := strings.Split(path, "/")
	switch {
	case strings.ContainsAny(path, "?#") || path == "":
		return "", "", fmt.Errorf("%q names no repository, organization or enterprise", raw)
	case len(parts) == 1:
		scope = "orgs/" + path
	case len(parts) == 2 && parts[0] == "enterprises":
		scope = path
	case len(parts) == 2:
		scope = "repos/" + path
	default:
		return "", "", fmt.Errorf("%q names no repository, organization or enterprise", raw)
	}
	scheme, host, _ := strings.Cut(at, "://")
	if wire.Hosted(host) {
		return scheme + "://api." + strings.TrimPrefix(host, "www."), scope, nil
	}
	return at + "/api/v3", scope, nil
}
