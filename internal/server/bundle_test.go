package server

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/runner"
)

func TestBundledRunnersStartForTheOperatorUnlessTheyAreAskedFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    func(c *Config)
		second bool // there is another person
		boxes  bool // sandboxes work
		want   int
		say    string // what the refusal names
	}{
		{"nothing said", func(*Config) {}, false, false, 2, ""},
		{"localhost", func(c *Config) { c.Listen = []string{"localhost:3000", "[::1]:3000", "unix:/x"} }, false, false, 2, ""},
		{"none", func(c *Config) { c.Runners = 0 }, true, false, 0, ""},
		{"every address", func(c *Config) { c.Listen = []string{"127.0.0.1:1", ":3000"} }, false, false, 0, "--listen"},
		{"an address", func(c *Config) { c.Listen = []string{"192.0.2.1:80"} }, false, false, 0, "--listen"},
		{"a host", func(c *Config) { c.Listen = []string{"ci.test:80"} }, false, false, 0, "--listen"},
		{"proxy", func(c *Config) { c.TrustedProxy = []string{"127.0.0.1"} }, false, false, 0, "--trusted-proxy"},
		{"public", func(c *Config) { c.PublicURL = "https://ci.test" }, false, false, 0, "--public-url"},
		{"second person", func(*Config) {}, true, false, 0, "mona has an account"},
		{"isolation without runners", func(c *Config) { c.Isolation = runner.None }, true, false, 0, "--runners 2"},
		{"runners without isolation", func(c *Config) { c.Runners = 3 }, true, false, 0, "--runners 3 --isolation none"},
		{"runners, in sandboxes", func(c *Config) { c.Runners = 3 }, true, true, 3, ""},
		{"nothing said, in sandboxes", func(*Config) {}, true, true, 0, "--runners 2 to have"},
		{"none in spite of sandboxes", func(c *Config) { c.Isolation = runner.None }, true, true, 0, "--runners 2 to have"},
		{"both", func(c *Config) { c.Runners, c.Isolation, c.PublicURL = 3, runner.None, "https://ci.test" }, true, false, 3, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := testConfig(t)
			config.Runners = -1
			c.set(&config)
			deps := testDeps(t)
			if c.boxes {
				deps.TrySandbox = func(context.Context, int, string) error { return nil }
			}
			s, err := New(t.Context(), config, deps)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}()
			if c.second {
				if err := s.store.CreateAccount(t.Context(), &actions.Account{Login: "mona", Type: actions.User}); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.planBundle(t.Context())
			if err != nil || got.count != c.want || (got.refusal != "") != (c.say != "") || !strings.Contains(got.refusal, c.say) {
				t.Errorf("%d runners, %q, %v; want %d, %q", got.count, got.refusal, err, c.want, c.say)
			}
		})
	}
}

func TestAnIsolationThatWasAskedForIsNotReplacedByNone(t *testing.T) {
	c := testConfig(t)
	c.Runners, c.Isolation = 1, runner.User
	s, err := New(t.Context(), c, testDeps(t))
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(s.Run(t.Context(), func([]string) { t.Error("the server is ready") }), s.Close())
	if err == nil || !strings.Contains(err.Error(), "--isolation user does not work here") {
		t.Errorf("got %v", err)
	}
}

func TestAnOrganizationOrASuspendedAccountIsNoSecondPerson(t *testing.T) {
	c := testConfig(t)
	c.Runners = -1
	s := start(t, c, testDeps(t))
	for _, a := range []actions.Account{{Login: "octo", Type: actions.Organization}, {Login: "mona", Type: actions.User, Suspended: true}} {
		if err := s.store.CreateAccount(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
	}
	if who, err := s.others(t.Context()); who != "" || err != nil {
		t.Errorf("others: %q, %v", who, err)
	}
}

func TestAnIsolationThatIsNotThereIsRefused(t *testing.T) {
	for _, text := range []runner.Isolation{"container=--privileged", "container=", "None", "user=x", "x"} {
		c := testConfig(t)
		c.Isolation = text
		if err := c.check(); actions.KindOf(err) != actions.Invalid || !strings.Contains(err.Error(), "--isolation") {
			t.Errorf("%s: %v, want invalid", text, err)
		}
	}
}
