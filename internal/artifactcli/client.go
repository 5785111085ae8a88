package artifactcli

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
)

// Config says whose artifacts, and where.
type Config struct {
	URL     string // of the server, as in a browser, or of its API
	Token   string // empty for what is public
	Repo    string // OWNER/NAME
	Version string // of this program, for the server's log
	Now     func() time.Time
}

// A Client asks one server about the artifacts of one repository. It is safe for
// concurrent use.
type Client struct {
	server string // as the user gave it, for messages
	api    *client.Client
	repo   string
	now    func() time.Time

	stall time.Duration // without a byte, until a connection is given up
	piece int64         // bytes of the smallest piece
}

// New makes a client. It asks nothing yet.
func New(c Config) (*Client, error) { return newClient(c, 250*time.Millisecond) }

func newClient(c Config, firstWait time.Duration) (*Client, error) {
	api, err := client.New(client.Config{URL: c.URL, Token: c.Token, Agent: "understudy/" + c.Version, FirstWait: firstWait})
	if err != nil {
		return nil, fmt.Errorf("--url: %w", err)
	}
	owner, name, ok := strings.Cut(c.Repo, "/")
	if !ok || !isName(owner) || !isName(name) {
		return nil, fmt.Errorf("%q is no repository: give -R OWNER/REPO", c.Repo)
	}
	return &Client{server: c.URL, api: api, repo: c.Repo, now: c.Now, stall: 30 * time.Second, piece: 8 << 20}, nil
}

// Loopback says whether the server at a URL is on this machine.
func Loopback(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func isName(s string) bool {
	return s != "" && s != "." && s != ".." && len(s) <= 255 && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7f || strings.ContainsRune("/\\?#%\"<>", c)
	})
}

// path is one of the API, below the repository.
func (c *Client) path(below string) string { return "/repos/" + c.repo + "/actions/" + below }

func artifactPath(id int64) string { return "artifacts/" + strconv.FormatInt(id, 10) }
