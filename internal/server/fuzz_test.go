package server

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

func fuzzedServer() *Server {
	c := &Config{Listen: []string{"0.0.0.0:3000"}, PublicURL: "https://ci.example:8443", AllowedHost: []string{"other.test", "my_server", "[2001:db8::9]"}}
	own := &ownAddresses{list: addresses("192.0.2.1/24", "fe80::1/64"), now: func() time.Time { return time.Unix(1_000_000, 0) }}
	return &Server{config: *c, hosts: newHosts(c, "box.corp.test", own), proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

// isOurs says of a host, as a browser reads it, whether it leads to this machine or was
// named by the operator.
func isOurs(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.String() == "192.0.2.1" || ip.String() == "fe80::1" || ip.String() == "2001:db8::9" || ip.String() == "0.0.0.0"
	}
	switch host {
	case "localhost", "ci.example", "api.ci.example", "other.test", "my_server", "box.corp.test", "box":
		return true
	}
	return strings.HasSuffix(host, ".localhost")
}

// A host that the server answers to is one of its own to a browser, too, in whatever
// way it is written and with any port.
func FuzzAHostThatIsKnownIsOurs(f *testing.F) {
	for _, s := range []string{
		"localhost", "LOCALHOST.:3000", "ci.localhost", "127.0.0.1:3000", "[::1]:3000", "[::ffff:127.0.0.1]", "[::1%eth0]", "fe80::1", "192.0.2.1", "0.0.0.0:3000", "ci.example:8443",
		"api.ci.example", "my_server", "evil.test", "localhost.evil.test", "evil.test:80@localhost", "localhost:x", "localhost:99999", "2130706433", "0x7f.1", "127.1", "[", "a[b.localhost",
		"x..localhost", "%6cocalhost", "localhost\x00", "ci.example..", "", ".", ":80", "[localhost]", "a,b.localhost",
	} {
		f.Add(s)
	}
	s := fuzzedServer()
	f.Fuzz(func(t *testing.T, host string) {
		known := s.hosts.know(host, nil)
		ascii := !strings.ContainsFunc(host, func(c rune) bool { return c > unicode.MaxASCII })
		if ascii && known != s.hosts.know(strings.ToUpper(host), nil) {
			t.Errorf("%q is known in one case only", host)
		}
		if _, _, err := net.SplitHostPort(host); err != nil && !strings.Contains(host, ":") && known != s.hosts.know(host+":81", nil) {
			t.Errorf("%q is known on one port only", host)
		}
		if !known {
			return
		}
		u, err := url.Parse("http://" + host + "/x")
		if err != nil || u.User != nil || u.Path != "/x" || !isOurs(u.Hostname()) {
			t.Errorf("%q is known, and leads to %v (%v)", host, u, err)
		}
	})
}

// What the last trusted proxy says makes URLs of this server, and what a client wrote
// before it makes no difference.
func FuzzOnlyTheProxysWordCounts(f *testing.F) {
	for _, s := range [][4]string{
		{"https", "ci.example", "/sub/", ""},
		{"http, https", "evil.test, ci.example", "/a, /b", "192.0.2.7, 10.0.0.1"},
		{"javascript", "a/b", "//evil.test", "x"},
		{"HTTPS", "<script>", `/"><script>`, "10.0.0.1,10.0.0.2,10.0.0.3"},
		{"https,", ",", "/%2e%2e/", ",,"},
		{"", "ci.example:x", "/a?b#c", "::ffff:10.0.0.1"},
		{"https", "user@ci.example", "/a b", ""},
		{"https", "[::1", "/\\evil", "1.2.3.4"},
		{"https", "ci.example", "x", "fe80::1%eth0"},
	} {
		f.Add(s[0], s[1], s[2], s[3], "evil.test")
	}
	s := fuzzedServer()
	f.Fuzz(func(t *testing.T, proto, host, prefix, through, written string) {
		ask := func(before string) (scheme, host2, prefix2 string) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://ci.example/x", nil)
			for name, value := range map[string]string{"X-Forwarded-Proto": proto, "X-Forwarded-Host": host, "X-Forwarded-Prefix": prefix, "X-Forwarded-For": through} {
				if before != "" {
					r.Header.Add(name, before)
				}
				r.Header.Add(name, value)
			}
			return s.forwarded(r, "http")
		}
		scheme, name, path := ask("")
		if scheme != "http" && scheme != "https" {
			t.Errorf("the scheme is %q", scheme)
		}
		if s.hosts.know(name, nil) {
			u, err := url.Parse(scheme + "://" + name + path + "/x")
			if err != nil || u.Host != name || !isOurs(u.Hostname()) || u.EscapedPath() != path+"/x" || u.RawQuery != "" || u.Fragment != "" {
				t.Errorf("%q %q %q make the URL %v (%v)", scheme, name, path, u, err)
			}
		}
		hops, _ := s.through(&http.Request{Header: http.Header{"X-Forwarded-For": {through}}})
		if through != "" && hops == 0 { // the proxy that sent it is the only one
			scheme2, name2, path2 := ask(written)
			if scheme2 != scheme || name2 != name || path2 != path {
				t.Errorf("with %q before it: %q %q %q, without: %q %q %q", written, scheme2, name2, path2, scheme, name, path)
			}
		}
	})
}
