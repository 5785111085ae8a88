package wire

import "strings"

// Hosted says whether GitHub's runner takes a host for GitHub itself (REG-1). It finds the
// REST API of such a host at api.HOST, on the standard port, and that of others below
// /api/v3. host is a name without a port.
func Hosted(host string) bool {
	host = strings.ToLower(host)
	return host == "github.com" || host == "www.github.com" || host == "github.localhost" ||
		strings.HasSuffix(host, ".ghe.com") || strings.HasSuffix(host, ".ghe.localhost")
}
