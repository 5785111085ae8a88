package server

import (
	"slices"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// handedOver are variables of the server's environment that its runners and their
// jobs get without being named: how to reach others, and whom to trust.
func handedOver() []string {
	return []string{
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
	}
}

// runnerEnv is the environment of the bundled runners, which is that of their jobs.
func (s *Server) runnerEnv() []string {
	env := slices.Clone(s.deps.Env)
	set := func(name, value string) {
		env = slices.DeleteFunc(env, func(entry string) bool { return strings.HasPrefix(entry, name+"=") })
		env = append(env, name+"="+value)
	}
	for _, entry := range append(handedOver(), s.config.RunnerEnv...) {
		name, value, given := strings.Cut(entry, "=")
		if !given && s.deps.LookupEnv != nil {
			value, given = s.deps.LookupEnv(name)
		}
		if given {
			set(name, value)
		}
	}
	return env
}

// checkRunnerEnv refuses what is no variable in --runner-env.
func (c *Config) checkRunnerEnv() error {
	for _, entry := range c.RunnerEnv {
		if name, _, _ := strings.Cut(entry, "="); name == "" || strings.ContainsRune(entry, 0) {
			return actions.Errorf(actions.Invalid, "--runner-env: %q is not NAME or NAME=VALUE", entry)
		}
	}
	return nil
}
