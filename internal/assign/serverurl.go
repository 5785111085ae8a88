package assign

import (
	"net/url"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// ParseServerURL reads what jobs get as github.server_url instead of the
// address at which their runner reaches the server. Only the name matters to the Actions
// toolkit, and nothing that is built in connects to it: a *.localhost or
// *.ghe.com name makes unchanged actions work where archives are not patched.
// The error is Invalid.
func ParseServerURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", actions.Errorf(actions.Invalid, "%.200q is not an http or https URL of a server", text)
	}
	return strings.TrimRight(u.String(), "/"), nil
}
