package wire

import "strings"

// Paths of the services for runners, below the base by which a runner comes in.
const (
	TokenPath  = "/_runner/token/"
	BrokerPath = "/_runner/broker/"
	RunPath    = "/_runner/run/"

	IDTokenPath = "/_services/token/idtoken/" // of OIDC tokens; the plan and the job follow
)

const (
	runnerPath = "/_runner"
	ownPath    = runnerPath + "-" // before whose it is
)

// OwnBrokerPath is [BrokerPath] as it is told to a runner that was configured with the
// path of a URL, "/octo/hello": "/_runner-octo.hello/broker/". Of what it is told
// GitHub's runner takes the first segment for the name of its service, and two
// repositories may have runners of one name on a machine. No owner's name has a dot.
func OwnBrokerPath(path string) string {
	name := strings.Map(func(c rune) rune {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
			return c
		case c == '/':
			return '.'
		}
		return '-'
	}, strings.TrimSuffix(strings.Trim(path, "/"), ".git"))
	return ownPath + name + strings.TrimPrefix(BrokerPath, runnerPath)
}

// SharedPath is the path that a path such as that of [OwnBrokerPath] stands for. Others
// it returns as they are.
func SharedPath(path string) string {
	own, ok := strings.CutPrefix(path, ownPath)
	if !ok {
		return path
	}
	_, rest, ok := strings.Cut(own, "/")
	if !ok {
		return path
	}
	return runnerPath + "/" + rest
}
