package download

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
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
	server  string   // as the user gave it, for messages
	api     *url.URL // of REST, without a slash at its end
	repo    string
	token   string
	agent   string
	now     func() time.Time
	asks    *http.Client // the API; follows no redirect
	fetches *http.Client // signed URLs; has no token to lose

	firstWait time.Duration // between two tries
	stall     time.Duration // without a byte, until a connection is given up
	piece     int64         // bytes of the smallest piece
}

const (
	maxAnswer  = 16 << 20 // bytes; more than the longest list has
	maxProblem = 64 << 10 // of an error
)

// New makes a client. It asks nothing yet.
func New(c Config) (*Client, error) {
	api, err := apiOf(c.URL)
	if err != nil {
		return nil, err
	}
	owner, name, ok := strings.Cut(c.Repo, "/")
	if !ok || !isName(owner) || !isName(name) {
		return nil, fmt.Errorf("%q is no repository: give -R OWNER/REPO", c.Repo)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true // the digest is that of the bytes as they are
	transport.MaxIdleConnsPerHost = maxWorkers
	return &Client{
		server: c.URL, api: api, repo: c.Repo, token: c.Token, agent: "understudy/" + c.Version, now: c.Now,
		asks:    &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		fetches: &http.Client{Transport: transport, CheckRedirect: checkRedirect},

		firstWait: 250 * time.Millisecond, stall: 30 * time.Second, piece: 8 << 20,
	}, nil
}

// apiOf is the base of REST on a server: below /api/v3, unless the URL is that of
// an API already.
func apiOf(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("--url %q is no address of a server: give one such as http://127.0.0.1:3000", text)
	case u.User != nil:
		return nil, fmt.Errorf("--url must not hold a password: give --token-file")
	}
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	if !strings.HasPrefix(u.Host, "api.") && !strings.HasSuffix(u.Path, "/api/v3") {
		u.Path += "/api/v3"
	}
	return u, nil
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

// checkRedirect follows storage that has moved, but not out of TLS.
func checkRedirect(r *http.Request, via []*http.Request) error {
	last := via[len(via)-1].URL
	if len(via) > 5 || last.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("the redirect from %s is not followed", last.Host)
	}
	return nil
}

// ask sends one request to the API below the repository.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values) (*http.Response, error) {
	u := *c.api
	u.Path += "/repos/" + c.repo + "/actions/" + path
	u.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	r.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.asks.Do(r)
	if err != nil {
		return nil, c.away(err)
	}
	return res, nil
}

// A reply is a successful answer of the API, or a redirect.
type reply struct {
	status int
	header http.Header
	body   io.Reader // at most maxAnswer bytes
}

// call asks until there is an answer that more asking would not change, and hands
// a successful one to read. what names the thing, for messages.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, what string, read func(*reply) error) error {
	b := c.backoff()
	for {
		err := c.try(ctx, method, path, query, what, read)
		if err == nil || !b.again(ctx, err) {
			return err
		}
	}
}

func (c *Client) try(ctx context.Context, method, path string, query url.Values, what string, read func(*reply) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	res, err := c.ask(ctx, method, path, query)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusMultipleChoices && res.StatusCode != http.StatusFound {
		return c.refused(&reply{res.StatusCode, res.Header, io.LimitReader(res.Body, maxProblem)}, what)
	}
	return read(&reply{res.StatusCode, res.Header, io.LimitReader(res.Body, maxAnswer)})
}

// into makes a reader of an answer in JSON.
func (c *Client) into(v any) func(*reply) error {
	return func(res *reply) error {
		if res.status != http.StatusOK || json.NewDecoder(res.body).Decode(v) != nil {
			return c.notAPI(res)
		}
		return nil
	}
}

func (c *Client) notAPI(res *reply) error {
	return fmt.Errorf("what answers at %s is not the REST API (status %d, %s): check --url",
		printable(c.server), res.status, printable(res.header.Get("Content-Type")))
}

func artifactPath(id int64) string { return "artifacts/" + strconv.FormatInt(id, 10) }

// Delete removes an artifact for good.
func (c *Client) Delete(ctx context.Context, a *Artifact) error {
	return c.call(ctx, http.MethodDelete, artifactPath(a.ID), nil, a.String(), func(res *reply) error {
		if res.status != http.StatusNoContent {
			return c.notAPI(res)
		}
		return nil
	})
}
