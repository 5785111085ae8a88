package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
)

// others says who besides the operator can have code run by this server: people who
// reach it from elsewhere, or who have an account. It is empty where nobody can.
func (s *Server) others(ctx context.Context) (string, error) {
	if text := s.config.reached(); text != "" {
		return text, nil
	}
	people, err := s.store.People(ctx, 2)
	if err != nil || len(people) < 2 {
		return "", err
	}
	return people[1].Login + " has an account, too", nil
}

// reached says how others than users of this machine reach the server, "" if they
// do not.
func (c *Config) reached() string {
	switch {
	case len(c.TrustedProxy) > 0:
		return "others reach this server through a proxy (--trusted-proxy)"
	case c.PublicURL != "":
		return "others reach this server at " + c.PublicURL + " (--public-url)"
	}
	for _, addr := range c.Listen {
		if strings.HasPrefix(addr, unixPrefix) {
			continue
		}
		if host, _, err := net.SplitHostPort(addr); err != nil || !loopback(host) {
			return fmt.Sprintf("others reach this server at %s (--listen)", addr)
		}
	}
	return ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// hidden are the directories and files that jobs must not see: all that the server
// keeps, and the keys that it reads.
func (c *Config) hidden() []string {
	paths := append([]string{c.Data, c.SecretKeys}, c.JobHide...)
	if file, ok := strings.CutPrefix(c.Database, "sqlite:"); ok {
		paths = append(paths, file, file+"-wal", file+"-shm")
	}
	if !strings.Contains(c.Blobs, "://") {
		paths = append(paths, c.Blobs)
	}
	if c.TLSKey != "" {
		paths = append(paths, c.TLSKey)
	}
	for i, path := range paths {
		if abs, err := filepath.Abs(path); err == nil {
			paths[i] = abs
		}
	}
	return paths
}
