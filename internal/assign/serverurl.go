package assign

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/shape"
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

// A Variable is one of the environment of a job's steps.
type Variable struct{ Name, Value string }

// serverOf is what a job gets as github.server_url, where the operator has chosen
// one, and the variables by which git finds the server there. base is the address at
// which the job's runner reaches the server.
//
// A name of *.localhost is the runner's own machine, for git and for whatever resolves
// it: where the server is not at that address, nobody would reach it. By http, git can
// be told where it is. By https it cannot, and the job gets the runner's address.
func serverOf(chosen string, base shape.Base) (string, []Variable) {
	name, err := url.Parse(chosen)
	at, err2 := url.Parse(base.HTML)
	switch {
	case chosen == "":
		return base.HTML, nil
	case err != nil || err2 != nil || !strings.HasSuffix(strings.ToLower(name.Hostname()), ".localhost"):
		return chosen, nil
	case isLocalhost(at.Hostname()) && portOf(at) == portOf(name) && at.Scheme == name.Scheme:
		return chosen, nil
	case at.Scheme != "http" || name.Scheme != "http" || at.Path != "":
		return base.HTML, nil
	}
	return chosen, gitLeadsTo(name, at)
}

// isLocalhost says whether a host is where names of *.localhost lead.
func isLocalhost(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// gitLeadsTo is configuration of git for a step: what it asks of name goes to the server
// at another address. Headers and remotes are those of name.
//
// The server serves as the proxy of its own name: it is asked for the whole URL. Where
// NO_PROXY forbids that, git resolves the name to the address, if that is a number and
// the port is the same.
func gitLeadsTo(name, at *url.URL) []Variable {
	server := name.Scheme + "://" + name.Host + "/"
	config := []Variable{{"http." + server + ".proxy", at.Scheme + "://" + at.Host}}
	if ip, err := netip.ParseAddr(at.Hostname()); err == nil && portOf(at) == portOf(name) {
		address := ip.String()
		if ip.Is6() {
			address = "[" + address + "]"
		}
		config = append(config, Variable{"http." + server + ".curloptResolve", name.Hostname() + ":" + portOf(name) + ":" + address})
	}
	vars := []Variable{{"GIT_CONFIG_COUNT", strconv.Itoa(len(config))}}
	for i, c := range config {
		n := strconv.Itoa(i)
		vars = append(vars, Variable{"GIT_CONFIG_KEY_" + n, c.Name}, Variable{"GIT_CONFIG_VALUE_" + n, c.Value})
	}
	return vars
}
