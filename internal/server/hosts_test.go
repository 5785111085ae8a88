package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func addresses(list ...string) func() ([]net.Addr, error) {
	return func() (found []net.Addr, err error) {
		for _, text := range list {
			ip, network, err := net.ParseCIDR(text)
			if err != nil {
				return nil, err
			}
			found = append(found, &net.IPNet{IP: ip, Mask: network.Mask})
		}
		return found, nil
	}
}

func TestTheServerKnowsItsHosts(t *testing.T) {
	c := Config{
		Listen: []string{"0.0.0.0:3000", "build.lan:80", "unix:/run/x"}, PublicURL: "https://CI.example:8443/sub", JobServerURL: "http://jobs.test",
		AllowedHost: []string{"Other.test", "ci.ghe.com", "my_server", "203.0.113.9", "[2001:db8::9]"},
	}
	h := newHosts(&c, "box.corp.test", &ownAddresses{list: addresses("192.0.2.1/24", "2001:db8::1/64", "fe80::1/64"), now: time.Now})
	local := &net.TCPAddr{IP: net.IPv4(198, 51, 100, 7), Port: 3000}
	for _, host := range []string{
		"localhost", "localhost:3000", "LOCALHOST", "localhost.", "ci.localhost", "a.b.localhost:1",
		"127.0.0.1", "127.0.0.1:3000", "127.9.9.9", "[::1]", "[::1]:3000", "[::ffff:127.0.0.1]",
		"192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:DB8:0::1]:3000", "[fe80::1]", "198.51.100.7", "[::ffff:198.51.100.7]:1",
		"0.0.0.0:3000", "build.lan", "build.lan:9", "ci.example", "ci.example:8443", "CI.EXAMPLE.:1", "api.ci.example", "jobs.test",
		"other.test", "other.test.", "ci.ghe.com", "api.ci.ghe.com", "api.github.localhost", "my_server:3000", "203.0.113.9", "[2001:db8::9]:1", "box.corp.test", "box",
	} {
		if !h.know(host, local) {
			t.Errorf("%s is not known", host)
		}
	}
	for _, host := range []string{
		"", ".", ":80", "evil.test", "localhost.evil.test", "xlocalhost", "127.0.0.1.evil.test", "ci.example.evil.test", "x.ci.example", "api.other.test", "api.x.ghe.com", "api.api.ci.ghe.com", "api.github.com",
		"api.jobs.test", "corp.test", "192.0.2.2", "198.51.100.8", "[2001:db8::2]", "[::]", "127.1", "2130706433", "0x7f000001", "localhost..", "other.test:80:80",
		"::1", "2001:db8::1", "[localhost]", "[localhost]:80", "127.0.0.1]", "[127.0.0.1", "[::1%eth0]", "[::1%25eth0]", "localhost:x", "x@y.localhost", "a b.localhost", "a/b.localhost",
	} {
		if h.know(host, local) {
			t.Errorf("%q is known", host)
		}
	}
	none := newHosts(&Config{}, "", &ownAddresses{list: addresses(), now: time.Now})
	for _, host := range []string{"", "api.", ".", "box"} {
		if none.know(host, nil) {
			t.Errorf("%q is known where nothing is set", host)
		}
	}
}

func TestAddressesOfTheMachineComeAndGo(t *testing.T) {
	now, asked := time.Unix(1_000_000, 0), 0
	list, failure := []string{"192.0.2.1/24"}, error(nil)
	o := &ownAddresses{now: func() time.Time { return now }, list: func() ([]net.Addr, error) {
		asked++
		found, err := addresses(list...)()
		return found, errors.Join(err, failure)
	}}
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range 100 {
		if !o.has(one) || o.has(two) {
			t.Fatal("the machine has one, and not the other")
		}
	}
	if asked != 1 {
		t.Errorf("the system was asked %d times in one moment", asked)
	}
	list, now = []string{"192.0.2.2/24"}, now.Add(ownTime+1)
	if o.has(one) || !o.has(two) {
		t.Error("the new address does not count")
	}
	if now = now.Add(-time.Hour); !o.has(two) || asked != 3 {
		t.Errorf("after the clock was set back: asked %d times", asked)
	}
	if failure, now = errors.New("no"), now.Add(time.Hour); o.has(two) {
		t.Error("an address is known that could not be listed")
	}
}

// askFor sends a request line with a Host and returns the status and the body.
func askFor(t *testing.T, network, addr, target, host string) (int, string) {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// The owner of a name has it lead to this machine, and a browser here reads what the
// server answers as if it was theirs.
func TestTheServerAnswersToNoNameButItsOwn(t *testing.T) {
	c, d := testConfig(t), testDeps(t)
	socket := filepath.Join(t.TempDir(), "s")
	c.Listen, c.AllowedHost, d.Machine = append(c.Listen, "unix:"+socket), []string{"named.test"}, "box.test"
	r := start(t, c, d)
	tcp := strings.TrimPrefix(r.urls[0], "http://")
	for _, q := range []struct {
		network, addr, target, host string
		want                        int
	}{
		{"tcp", tcp, "/", "evil.test", 421},
		{"tcp", tcp, "/", "evil.test:3000", 421},
		{"tcp", tcp, "/api/v3/user", "evil.test", 421},
		{"tcp", tcp, "/_runner/broker/message", "evil.test", 421},
		{"tcp", tcp, "/octo/hello.git/info/refs", "evil.test", 421},
		{"tcp", tcp, "/_ping", "evil.test", 421},
		{"tcp", tcp, "http://evil.test/api/v3/meta", "localhost", 421},
		{"tcp", tcp, "http://localhost/api/v3/meta", "evil.test", 200},
		{"tcp", tcp, "/healthz", "evil.test", 200},
		{"tcp", tcp, "/readyz", "10.0.0.1:3000", 200},
		{"tcp", tcp, "/healthz", "", 200},
		{"tcp", tcp, "/api/v3/meta", "", 400},
		{"tcp", tcp, "/api/v3/meta", tcp, 200},
		{"tcp", tcp, "/api/v3/meta", "Named.test.:99", 200},
		{"tcp", tcp, "/api/v3/meta", "box.test", 200},
		{"tcp", tcp, "/api/v3/meta", "box", 200},
		{"unix", socket, "/api/v3/meta", "evil.test", 200},
	} {
		status, body := askFor(t, q.network, q.addr, q.target, q.host)
		if status != q.want || q.want == 421 && !strings.Contains(body, "--allowed-host evil.test") {
			t.Errorf("%s %s for %q: %d, want %d: %s", q.network, q.target, q.host, status, q.want, body)
		}
		if isJSON := strings.HasPrefix(body, `{"message":`); q.want == 421 && isJSON != (strings.HasPrefix(q.target, "/api") || strings.HasPrefix(q.target, "/_runner") || strings.HasPrefix(q.target, "http")) {
			t.Errorf("%s: the clients of this surface do not read %s", q.target, body)
		}
	}
}

// certificate writes a certificate for names and addresses, and its key, to files.
func certificate(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func TestTheServerAnswersToTheNamesInItsCertificate(t *testing.T) {
	c := testConfig(t)
	c.TLSCert, c.TLSKey = certificate(t, "Build.corp.test", "*.ci.test", "203.0.113.7", "2001:db8::7")
	s, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for host, known := range map[string]bool{
		"build.corp.test": true, "BUILD.corp.test.:8443": true, "a.ci.test": true, "A.ci.test:1": true, "203.0.113.7": true, "[2001:db8::7]:443": true,
		"corp.test": false, "x.build.corp.test": false, "ci.test": false, ".ci.test": false, "a.b.ci.test": false, "*.test": false, "test": false,
		"203.0.113.8": false, "[2001:db8::8]": false, "evil.test": false, "": false,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/v3/meta", nil)
		r.Host = host
		if got := s.answersTo(r); got != known {
			t.Errorf("%q: %t, want %t", host, got, known)
		}
	}
}

func TestAForwardedHostMustBeKnownToo(t *testing.T) {
	s := newDispatcher(t)
	for host, known := range map[string]bool{"ci.test": true, "evil.test": false} {
		got := s.answer(t, "GET", "http://h/x", "10.1.2.3:99", map[string]string{"X-Forwarded-Host": host})
		if strings.HasPrefix(got, "web ") != known {
			t.Errorf("a trusted proxy was asked for %s: %q", host, got)
		}
	}
}

func TestAHostToAllowIsAName(t *testing.T) {
	for host, good := range map[string]bool{
		"ci.example": true, "CI.Example.": true, "a": true, "my_server": true, "192.0.2.1": true, "2001:db8::1": true, "[2001:db8::1]": true,
		"": false, ".": false, "*": false, "*.example": false, "ci.example:80": false, "https://ci.example": false, "a b": false, "-a": false, "a/b": false,
		strings.Repeat("a", 254): false,
	} {
		c := testConfig(t)
		c.AllowedHost = []string{host}
		err := c.check()
		if good {
			if err != nil {
				t.Errorf("%q: %v", host, err)
			}
			continue
		}
		if actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "--allowed-host") {
			t.Errorf("%q: %v", host, err)
		}
	}
}
