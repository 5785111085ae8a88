package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/upstream"
)

// UpstreamConfig says where actions come from that are not here.
type UpstreamConfig struct {
	ActionsUpstream    []string `default:"https://github.com" placeholder:"URL" help:"Where actions come from that are in no repository here: a host of git repositories, or off for none. Repeatable; they are asked in this order. Default: ${default}."`
	ActionsPrivate     []string `name:"actions-upstream-private" placeholder:"HOST" help:"Host of an upstream whose address is a private one, such as ghes.corp.example. Repeatable."`
	ActionsCredentials string   `name:"actions-upstream-credentials" placeholder:"FILE" help:"Credentials of upstreams, a line such as https://NAME:TOKEN@ghes.corp.example for each host, which alone gets them. Only the user of the server may read the file."`
	ActionsQuota       Size     `default:"10GiB" placeholder:"SIZE" help:"How much actions of upstreams may take before those go that no job used for longest. Default: ${default}."`
}

// maxCredentials is how long the file of credentials may be.
const maxCredentials = 1 << 20

// openUpstream makes what brings actions of other hosts here, of the rest of its parts.
func (c *UpstreamConfig) openUpstream(with upstream.Config, env func(string) (string, bool)) (*upstream.Upstream, error) {
	hosts, err := upstream.ParseHosts(c.ActionsUpstream, c.ActionsPrivate)
	if err != nil {
		return nil, fmt.Errorf("--actions-upstream: %w", err)
	}
	if c.ActionsCredentials != "" {
		if err := readCredentials(c.ActionsCredentials, hosts); err != nil {
			return nil, fmt.Errorf("--actions-upstream-credentials: %w", err)
		}
	}
	with.Hosts, with.Limits.Quota = hosts, int64(c.ActionsQuota)
	with.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	}
	for _, name := range []string{"GIT_SSL_CAINFO", "SSL_CERT_FILE"} { // as other programs find it
		if with.CAFile == "" && env != nil {
			with.CAFile, _ = env(name)
		}
	}
	return upstream.New(with), nil
}

// readCredentials gives hosts what a file has for them, which nobody else may read.
func readCredentials(file string, hosts []*upstream.Host) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return actions.Errorf(actions.Invalid, "others may read %s: chmod 600 it", file)
	}
	if info.Size() > maxCredentials {
		return actions.Errorf(actions.Invalid, "%s is larger than %d bytes", file, maxCredentials)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return upstream.Credentials(hosts, string(text))
}
