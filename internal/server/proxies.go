package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/httpjson"
)

// forwarded is what the outermost trusted proxy says of its client's request, where
// that makes sense. What stands before it in the headers the client may have written.
func (s *Server) forwarded(r *http.Request, peer string) (scheme, host, prefix string) {
	hops, _ := s.through(r)
	said := func(header string) string {
		all := values(r, header)
		if len(all) == 0 {
			return ""
		}
		return all[max(len(all)-1-hops, 0)]
	}
	scheme, host, prefix = said("X-Forwarded-Proto"), said("X-Forwarded-Host"), said("X-Forwarded-Prefix")
	if scheme != "https" && scheme != "http" {
		scheme = peer
	}
	if !httpjson.CheckHost(host) {
		host = r.Host
	}
	prefix = strings.TrimRight(prefix, "/")
	if u, err := url.Parse(prefix); err != nil || u.EscapedPath() != prefix || prefix != "" && prefix[0] != '/' {
		prefix = ""
	}
	return scheme, host, prefix
}

// through is how many trusted proxies a request came through before the one that sent
// it here, and the address that they say its client has; the zero address if none does.
func (s *Server) through(r *http.Request) (hops int, client netip.Addr) {
	for _, text := range slices.Backward(values(r, "X-Forwarded-For")) {
		hop, err := netip.ParseAddr(text)
		if err != nil {
			break
		}
		client = hop
		if !s.trusts(hop) {
			break
		}
		hops++
	}
	return hops, client
}

// values are those of a header that each proxy appends one to.
func values(r *http.Request, header string) []string {
	lines := r.Header.Values(header)
	if len(lines) == 0 {
		return nil
	}
	all := strings.Split(strings.Join(lines, ","), ",")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

func (s *Server) trusted(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && s.trusts(ip)
}

func (s *Server) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}
