package server

import (
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/httpjson"
	"github.com/understudy-ci/understudy/internal/wire"
)

// hosts are the names and addresses that requests over TCP may give this server in
// Host. To others it does not answer: the owner of a name can have it lead here, to a
// loopback address even, and a browser then takes this server for theirs (DNS
// rebinding). Ports make no difference.
type hosts struct {
	names   map[string]bool // as hostName writes them
	domains map[string]bool // one name below each is known, too: of "*.ci.example" in a certificate
	own     *ownAddresses
}

// newHosts are those of a configuration, on a machine of that name.
func newHosts(c *Config, machine string, own *ownAddresses) *hosts {
	h := &hosts{names: make(map[string]bool), domains: make(map[string]bool), own: own}
	add := h.add
	add(machine)
	short, _, _ := strings.Cut(machine, ".")
	add(short)
	for _, addr := range c.Listen {
		if host, _, err := net.SplitHostPort(addr); err == nil {
			add(host)
		}
	}
	for _, text := range []string{c.PublicURL, c.JobServerURL} {
		if u, err := url.Parse(text); err == nil {
			add(u.Host)
		}
	}
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		add(apiPrefix + u.Host)
	}
	for _, host := range c.AllowedHost {
		add(host)
	}
	for host := range maps.Clone(h.names) {
		if wire.Hosted(host) {
			add(apiPrefix + host)
		}
	}
	return h
}

func (h *hosts) add(host string) {
	if host = hostName(host); host != "" {
		h.names[host] = true
	}
}

// certified adds what a certificate of this server is for: nobody but the owner of a
// name gets one for it.
func (h *hosts) certified(cert *x509.Certificate) {
	for _, name := range cert.DNSNames {
		if domain, ok := strings.CutPrefix(name, "*."); ok {
			h.domains[hostName(domain)] = true
		} else {
			h.add(name)
		}
	}
	for _, ip := range cert.IPAddresses {
		h.add(ip.String())
	}
}

// hostName is the one way to write the host of a Host header: without its port, in
// lower case, without the dot of the root. An address is as [netip.Addr] writes it.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// know says whether the server answers to host, on a connection to the address local.
func (h *hosts) know(host string, local net.Addr) bool {
	if u, err := url.Parse("http://" + host); err != nil || u.Host != host {
		return false // nor would it be this host in the URLs of answers
	}
	name := hostName(host)
	if h.names[name] || name == "localhost" || strings.HasSuffix(name, ".localhost") && allowedHost.MatchString(name) {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		label, domain, _ := strings.Cut(name, ".")
		return label != "" && h.domains[domain]
	}
	if tcp, ok := local.(*net.TCPAddr); ok && tcp.AddrPort().Addr().Unmap().WithZone("") == ip {
		return true
	}
	return ip.IsLoopback() || h.own.has(ip)
}

// ownAddresses are those of this machine's interfaces. They come and go.
type ownAddresses struct {
	list func() ([]net.Addr, error)
	now  func() time.Time

	mu    sync.Mutex
	until time.Time // when they are listed again
	known map[netip.Addr]bool
}

// ownTime is how long a list of addresses is good: nobody makes the server ask the
// system for it by asking for hosts that are none.
const ownTime = 5 * time.Second

func (o *ownAddresses) has(ip netip.Addr) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); now.After(o.until) || now.Before(o.until.Add(-ownTime)) {
		list, err := o.list()
		if err != nil {
			return false
		}
		o.until, o.known = now.Add(ownTime), make(map[netip.Addr]bool, len(list))
		for _, addr := range list {
			if p, err := netip.ParsePrefix(addr.String()); err == nil {
				o.known[p.Addr().Unmap()] = true
			}
		}
	}
	return o.known[ip]
}

// answersTo says whether a request is for a host that this server is, or over a Unix
// socket, which no browser reaches.
func (s *Server) answersTo(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if _, ok := local.(*net.UnixAddr); ok {
		return true
	}
	return s.hosts.know(r.Host, local)
}

// misdirected answers a request for a host that this server is not.
func misdirected(w http.ResponseWriter, r *http.Request, at surface) {
	const status = http.StatusMisdirectedRequest
	name := hostName(r.Host)
	text := fmt.Sprintf("This server does not answer to the host %q. If that is a name of it, start it with --allowed-host %s, or with a --public-url that has this host.", name, name)
	switch at {
	case restAPI, graphQL, runnerProtocol, resultServices, idTokens:
		_ = httpjson.Write(w, status, httpjson.Problem{Message: text, Status: strconv.Itoa(status)}) // it can be encoded
	case pages, gitProtocol, healthChecks, runnerCheck:
		http.Error(w, text, status)
	}
}

// allowedHost is what a host name may be; names in DNS have no underscore, those of
// containers do.
var allowedHost = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$`)

// checkHosts refuses what is no host in --allowed-host.
func (c *Config) checkHosts() error {
	for _, host := range c.AllowedHost {
		name := strings.TrimSuffix(strings.ToLower(host), ".")
		if _, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")); err != nil && !allowedHost.MatchString(name) {
			return actions.Errorf(actions.Invalid, "--allowed-host: %q is not a host name such as ci.example, or an address; it has no scheme and no port", host)
		}
	}
	return nil
}
