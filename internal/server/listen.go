package server

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A listener is one address that the server answers on.
type listener struct {
	net.Listener
	url string // http://127.0.0.1:3000, or unix:PATH
}

// listen opens all addresses of the configuration, and one of its own for the
// bundled runners, if there are any, where none of the others will do.
func (s *Server) listen(ctx context.Context, bundled bool) (list []*listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range list {
				err = errors.Join(err, l.Close())
			}
		}
	}()
	config, err := s.tls()
	if err != nil {
		return nil, err
	}
	for _, addr := range s.config.Listen {
		l, err := s.open(ctx, addr, config)
		if err != nil {
			return list, fmt.Errorf("--listen %s: %w", addr, err)
		}
		list = append(list, l)
		if s.reached == "" && !strings.HasPrefix(l.url, unixPrefix) {
			s.reached = l.url
		}
		if s.local == "" && config == nil && strings.HasPrefix(l.url, "http://") && plainLoopback(l) {
			s.local = l.url
		}
	}
	if s.local == "" && bundled {
		l, err := s.private(ctx)
		if err != nil {
			return list, fmt.Errorf("address for the bundled runners: %w", err)
		}
		list, s.local = append(list, l), l.url
	}
	return list, nil
}

func plainLoopback(l *listener) bool {
	tcp, ok := l.Addr().(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// unixPrefix marks an address that is a socket's path.
const unixPrefix = "unix:"

func (s *Server) open(ctx context.Context, addr string, config *tls.Config) (*listener, error) {
	var lc net.ListenConfig
	passed := s.sockets.take(addr)
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		if passed != nil {
			return &listener{s.patient(passed), addr}, nil
		}
		if err := removeStale(ctx, path); err != nil {
			return nil, err
		}
		old := unix.Umask(0o177) // only this user connects
		l, err := lc.Listen(ctx, "unix", path)
		unix.Umask(old)
		if err != nil {
			return nil, err
		}
		return &listener{s.patient(l), addr}, nil
	}
	l, err := passed, error(nil)
	if l == nil {
		l, err = lc.Listen(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	l = s.patient(l)
	host, _, _ := net.SplitHostPort(addr)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	url := "http://" + net.JoinHostPort(host, port)
	if config != nil {
		return &listener{tls.NewListener(l, config), "https" + strings.TrimPrefix(url, "http")}, nil
	}
	return &listener{l, url}, nil
}

// patient is l whose connections must make progress.
func (s *Server) patient(l net.Listener) net.Listener {
	return &connListener{l, s.conns, s.now, progressTime}
}

// removeStale removes a socket that nobody listens on any more.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode()&fs.ModeSocket == 0 {
		return errors.Join(err, fmt.Errorf("%s is there and is no socket", path))
	}
	var d net.Dialer
	if c, err := d.DialContext(ctx, "unix", path); err == nil {
		return errors.Join(fmt.Errorf("%s is in use", path), c.Close())
	}
	return os.Remove(path)
}

// private opens a loopback port for the bundled runners, the same one at every
// start: runners that outlive the server come back to it. When another program
// has it, there is a new one, and the runners register again. It is written down
// where the runners live.
func (s *Server) private(ctx context.Context) (*listener, error) {
	path := filepath.Join(s.runnerDir, portFile)
	if err := os.MkdirAll(s.runnerDir, 0o700); err != nil {
		return nil, err
	}
	l, err := s.openLoopback(ctx, cmp.Or(readPort(path), readPort(filepath.Join(s.config.oldRunnerDir(), portFile))))
	if err != nil {
		l, err = s.openLoopback(ctx, 0)
	}
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err == nil {
		err = os.WriteFile(path, []byte(port+"\n"), 0o600)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

const portFile = "port" // in the directory of the bundled runners: their server's

// readPort is the port that a file names, 0 for none.
func readPort(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	port, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 16)
	if err != nil {
		return 0
	}
	return int(port)
}

func (s *Server) openLoopback(ctx context.Context, port int) (*listener, error) {
	return s.open(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil)
}

// tls is the configuration for HTTPS, nil for plain HTTP.
func (s *Server) tls() (*tls.Config, error) {
	cert, key := s.config.TLSCert, s.config.TLSKey
	if s.config.TLSSelf {
		cert = filepath.Join(s.config.Data, "tls.pem")
		key = cert
		if _, err := os.Stat(cert); errors.Is(err, fs.ErrNotExist) {
			if err := s.selfSigned(cert); err != nil {
				return nil, fmt.Errorf("--tls-self-signed: %w", err)
			}
		}
		if err := s.publish(cert); err != nil {
			return nil, fmt.Errorf("--tls-self-signed: %w", err)
		}
	}
	if cert == "" {
		return nil, nil
	}
	pair, err := loadPair(cert, key)
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

func loadPair(cert, key string) (tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		err = fmt.Errorf("--tls-cert: %w", err)
	}
	return pair, err
}

// Certificate is the file that clients are given to trust a server with
// --tls-self-signed: the certificate without its key.
func (c *Config) Certificate() string { return filepath.Join(c.Data, "tls-certificate.pem") }

// publish writes [Config.Certificate], if it is not there, from the file that also has
// the key.
func (s *Server) publish(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return fmt.Errorf("%s does not begin with a certificate", path)
	}
	public := pem.EncodeToMemory(block)
	if have, err := os.ReadFile(s.config.Certificate()); err == nil && bytes.Equal(have, public) {
		return nil
	}
	return os.WriteFile(s.config.Certificate(), public, 0o644) //nolint:gosec // for everybody to read
}

// selfSigned writes a certificate for the hosts of the addresses and of the public
// URL, and its key. It is no authority: whoever steals the key makes no certificates
// for other hosts that clients of this server would trust.
func (s *Server) selfSigned(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	const years = 10
	now := s.now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Understudy"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(years, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		DNSNames:              []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if s.publicHost != "" {
		host, _, err := net.SplitHostPort(s.publicHost)
		if err != nil {
			host = s.publicHost
		}
		template.DNSNames = append(template.DNSNames, host, "api."+host)
	}
	for _, addr := range s.config.Listen {
		if host, _, err := net.SplitHostPort(addr); err == nil {
			if ip := net.ParseIP(host); ip != nil {
				template.IPAddresses = append(template.IPAddresses, ip)
			} else if host != "" {
				template.DNSNames = append(template.DNSNames, host)
			}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
	return writeSecret(path, text)
}
