package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
)

func TestErrorsOfTheConfigurationNameTheFlag(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Config)
		flag   string
	}{
		"no address":           {func(c *Config) { c.Listen = nil }, "--listen"},
		"certificate alone":    {func(c *Config) { c.TLSCert = "x" }, "--tls-key"},
		"two certificates":     {func(c *Config) { c.TLSCert, c.TLSKey, c.TLSSelf = "x", "y", true }, "--tls-self-signed"},
		"missing certificate":  {func(c *Config) { c.TLSCert, c.TLSKey = "/nowhere", "/nowhere" }, "--tls-cert"},
		"public URL":           {func(c *Config) { c.PublicURL = "ci.test" }, "--public-url"},
		"scheme of public URL": {func(c *Config) { c.PublicURL = "ftp://ci.test" }, "--public-url"},
		"lease":                {func(c *Config) { c.JobLease = 0 }, "--job-lease"},
		"drain":                {func(c *Config) { c.Drain = -1 }, "--drain"},
		"label":                {func(c *Config) { c.RunnerLabels = []string{"a,b"} }, "--runner-labels"},
		"any proxy":            {func(c *Config) { c.TrustedProxy = []string{"0.0.0.0/0"} }, "--trusted-proxy"},
		"any proxy by IPv6":    {func(c *Config) { c.TrustedProxy = []string{"::/0"} }, "--trusted-proxy"},
		"star":                 {func(c *Config) { c.TrustedProxy = []string{"*"} }, "--trusted-proxy"},
		"proxy by name":        {func(c *Config) { c.TrustedProxy = []string{"proxy.test"} }, "--trusted-proxy"},
		"address":              {func(c *Config) { c.Listen = []string{"127.0.0.1"} }, "--listen"},
		"database":             {func(c *Config) { c.Database = "mysql://x" }, "--database"},
		"host of images":       {func(c *Config) { c.ImageHost = []string{"https://img.shields.io"} }, `--image-host: "https://img.shields.io" is not a host name`},
		"policy in a host":     {func(c *Config) { c.ImageHost = []string{"x; script-src *"} }, "--image-host"},
		"storage":              {func(c *Config) { c.Blobs = "gs://bucket" }, `--blobs: no storage is reached by "gs://"`},
	} {
		t.Run(name, func(t *testing.T) {
			config := testConfig(t)
			c.change(&config)
			s, err := New(t.Context(), config, testDeps(t))
			if err == nil {
				err = s.Run(t.Context(), func([]string) { t.Error("it is ready") })
				if closeErr := s.Close(); closeErr != nil {
					t.Error(closeErr)
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.flag) {
				t.Errorf("%v, want an error that names %s", err, c.flag)
			}
		})
	}
}

func TestProxiesAreAddressesOrNetworks(t *testing.T) {
	c := testConfig(t)
	c.TrustedProxy = []string{"10.0.0.1", "fd00::/8"}
	if list, err := c.proxies(); err != nil || len(list) != 2 || list[0].Bits() != 32 {
		t.Errorf("proxies %v, %v", list, err)
	}
}

func TestAdminsNeedADirectoryThatAServerUsed(t *testing.T) {
	c := testConfig(t)
	err := WithAdmin(t.Context(), c.Data, "", testDeps(t), func(*Admin) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("%v, want an error that names --data", err)
	}
	start(t, c, testDeps(t))
	err = WithAdmin(t.Context(), c.Data, "", testDeps(t), func(a *Admin) error {
		if notice, err := a.CreateUser(t.Context(), "mona", "", false); err != nil || !strings.Contains(notice, "mona is the second person") {
			t.Errorf("notice %q, %v", notice, err)
		}
		if _, err := a.CreateToken(t.Context(), "mona", "", []string{"everything"}, 0); actions.KindOf(err) != actions.Invalid {
			t.Errorf("unknown scope: %v, want invalid", err)
		}
		text, err := a.CreateToken(t.Context(), "mona", "", []string{"repo"}, 30)
		if !strings.HasPrefix(text, "ghp_") {
			t.Errorf("token %q", text)
		}
		for _, days := range []int{-1, 1 << 40} {
			if _, err := a.CreateToken(t.Context(), "mona", "", nil, days); actions.KindOf(err) != actions.Invalid {
				t.Errorf("%d days: %v, want invalid", days, err)
			}
		}
		list := func() (tokens []*actions.Token) {
			if err := a.Tokens(t.Context(), "mona", func(tok *actions.Token, _ string) { tokens = append(tokens, tok) }); err != nil {
				t.Error(err)
			}
			return tokens
		}
		if tokens := list(); len(tokens) != 1 || tokens[0].ExpiresAt.Sub(tokens[0].CreatedAt) < 29*24*time.Hour {
			t.Errorf("tokens %v, want one for 30 days", tokens)
		} else if err := a.RevokeToken(t.Context(), tokens[0].ID); err != nil || len(list()) > 0 {
			t.Errorf("revoked: %v, left %v", err, list())
		}
		if err := a.RevokeToken(t.Context(), 1<<40); actions.KindOf(err) != actions.NotFound {
			t.Errorf("a token that is none: %v, want not found", err)
		}
		for _, login := range []string{"nobody", actions.JobBot, actions.Ghost} {
			if _, err := a.SetSuspended(t.Context(), login, true); err == nil {
				t.Errorf("%s is suspended", login)
			}
			if err := a.DeleteUser(t.Context(), login); err == nil {
				t.Errorf("%s is deleted", login)
			}
		}
		for _, suspended := range []bool{true, false} {
			notice, err := a.SetSuspended(t.Context(), "mona", suspended)
			if err != nil || (notice == "") != suspended {
				t.Errorf("suspended %v: notice %q, %v", suspended, notice, err)
			}
		}
		return errors.Join(err, a.DeleteUser(t.Context(), "mona"))
	})
	if err != nil {
		t.Error(err)
	}
}
