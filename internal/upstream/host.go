package upstream

import (
	"context"
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/secret"
)

// A Host has repositories at URL/OWNER/REPO.
type Host struct {
	URL           string       // "https://github.com", without a slash at the end
	Private       bool         // it may be at a private or loopback address
	Authorization secret.Value // the header that it gets; empty for none

	name, port string
}

// Off is what stands for no host at all.
const Off = "off"

// ParseHost reads the URL of a host. One that is an address, or localhost, is meant to be
// where it says.
func ParseHost(text string) (*Host, error) {
	u, err := url.Parse(strings.TrimRight(text, "/"))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" || strings.ContainsFunc(text, isControl):
		return nil, actions.Errorf(actions.Invalid, "%.100q is not an http or https URL such as https://github.com", text)
	case u.User != nil:
		return nil, actions.Errorf(actions.Invalid, "the URL of an upstream has no user and no password: others see it. Credentials belong into a file")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, actions.Errorf(actions.Invalid, "%.100q: the URL of an upstream ends with its host or a path", text)
	}
	h := &Host{name: strings.ToLower(u.Hostname()), port: u.Port()}
	if h.port == "" {
		h.port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	_, err = netip.ParseAddr(h.name)
	h.Private = err == nil || h.name == "localhost" || strings.HasSuffix(h.name, ".localhost")
	u.Host = strings.ToLower(u.Host)
	h.URL = u.String()
	return h, nil
}

func isControl(c rune) bool { return c <= ' ' || c == 0x7f }

// ParseHosts reads a list of hosts, which "off" alone makes empty. private names those
// that are at private addresses.
func ParseHosts(list, private []string) ([]*Host, error) {
	if len(list) == 1 && list[0] == Off {
		list = nil
	}
	var hosts []*Host
	for _, text := range list {
		if text == Off {
			return nil, actions.Errorf(actions.Invalid, "%q goes with no other upstream", Off)
		}
		h, err := ParseHost(text)
		if err != nil {
			return nil, err
		}
		hosts = append(hosts, h)
	}
	for _, name := range private {
		found := false
		for _, h := range hosts {
			if strings.EqualFold(h.name, name) {
				h.Private, found = true, true
			}
		}
		if !found {
			return nil, actions.Errorf(actions.Invalid, "%.100q is the host of no upstream", name)
		}
	}
	return hosts, nil
}

// Credentials gives each host what a file has for it: a line such as
// https://NAME:TOKEN@ghes.example per host, as git's own credential store has them.
func Credentials(hosts []*Host, text string) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		u, err := url.Parse(line)
		if err != nil || u.User == nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" { // err has the line
			return actions.Errorf(actions.Invalid, "line %d is not as https://NAME:TOKEN@HOST", number)
		}
		password, _ := u.User.Password()
		of, found := *u, false
		of.User, of.Path = nil, ""
		at, err := ParseHost(of.String())
		if err != nil {
			return actions.Errorf(actions.Invalid, "line %d is not as https://NAME:TOKEN@HOST", number)
		}
		for _, h := range hosts {
			if scheme(h.URL) == u.Scheme && h.name == at.name && h.port == at.port {
				h.Authorization = secret.New("Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
				found = true
			}
		}
		if !found {
			return actions.Errorf(actions.Invalid, "line %d: %.100s is no upstream", number, at.URL)
		}
	}
	return nil
}

func scheme(u string) string {
	s, _, _ := strings.Cut(u, "://")
	return s
}

// repository is where git finds a repository.
func (h *Host) repository(name string) string { return h.URL + "/" + name + ".git" }

// is says whether somebody who wants to connect to a name and port means the host.
func (h *Host) is(name, port string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		b, err := netip.ParseAddr(h.name)
		return err == nil && a.Unmap() == b.Unmap() && port == h.port
	}
	return strings.EqualFold(name, h.name) && port == h.port
}

// special are networks whose addresses are not of the public internet, besides those
// that [netip.Addr] knows.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), // have an older address inside
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("fec0::/10"), netip.MustParsePrefix("::/96"),
}

// public says whether an address is one of the public internet.
func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// dial connects to the host, at an address that it may have.
func (u *Upstream) dial(h *Host) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(u.life, u.Limits.Connect)
	defer cancel()
	addrs := []netip.Addr{}
	if a, err := netip.ParseAddr(h.name); err == nil {
		addrs = append(addrs, a)
	} else if addrs, err = u.Lookup(ctx, h.name); err != nil {
		return nil, err
	}
	err := actions.Errorf(actions.Forbidden, "%s has no address", h.name)
	for i, a := range addrs {
		if !h.Private && !public(a) {
			err = actions.Errorf(actions.Forbidden, "%s is at %s, which is a private address: list it as private if it is meant to be", h.name, a.Unmap())
			continue
		}
		// An address that answers nothing leaves time for the others.
		share := net.Dialer{Timeout: u.Limits.Connect / time.Duration(len(addrs)-i)}
		var c net.Conn
		if c, err = share.DialContext(ctx, "tcp", net.JoinHostPort(a.String(), h.port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}
