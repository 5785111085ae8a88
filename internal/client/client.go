// Package client is GitHub's REST API as a client: the demo, the benchmarks,
// `understudy artifact` and the end-to-end tests stand on it.
//
// [Client.Do] asks and decodes, [Pages] reads a list page by page, [Client.Open]
// gives a body as it comes. What the API refuses is an [Error] with GitHub's
// status and message; a server that does not answer is [Unreachable]. A request
// that may be sent twice is repeated if [Config] says so and the same request may
// succeed soon.
//
// The token goes to the API's own host and nowhere else: no redirect is followed
// with it, and of a link to the next page only the query is used.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/version"
)

// Config says which server, and who asks.
type Config struct {
	URL       string // of the server, as in a browser, or of its API
	Token     string // empty for what is public
	Agent     string // of this program, for the server's log
	Transport http.RoundTripper
	FirstWait time.Duration // before a request is repeated; 0 for never
}

// A Client asks one server. It is safe for concurrent use.
type Client struct {
	api       *url.URL // without a slash at its end
	server    string   // for messages
	token     string
	agent     string
	firstWait time.Duration
	asks      *http.Client // follows no redirect
	visits    *http.Client // is never given the token
}

const (
	answerTime   = time.Minute // until the whole of a decoded answer is there
	maxAnswer    = 64 << 20    // bytes of one
	maxProblem   = 64 << 10    // bytes of an error
	maxRedirects = 5
	idleConns    = 16 // to one host, for those who fetch pieces at once
)

// New makes a client. It asks nothing yet.
func New(c Config) (*Client, error) {
	api, err := apiOf(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.DisableCompression = true // a digest is that of the bytes as they are
		t.MaxIdleConnsPerHost = idleConns
		c.Transport = t
	}
	return &Client{
		api: api, server: c.URL, token: c.Token, agent: c.Agent, firstWait: c.FirstWait,
		asks:   &http.Client{Transport: c.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		visits: &http.Client{Transport: c.Transport, CheckRedirect: checkRedirect},
	}, nil
}

// apiOf is the base of REST on a server: below /api/v3, unless the URL is that of
// an API already.
func apiOf(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("%q is no address of a server: give one such as http://127.0.0.1:3000", text)
	case u.User != nil:
		return nil, errors.New("the address of a server must not hold a password")
	}
	u = &url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.TrimRight(u.Path, "/")}
	if !strings.HasPrefix(u.Host, "api.") && !strings.HasSuffix(u.Path, "/api/v3") {
		u.Path += "/api/v3"
	}
	return u, nil
}

// checkRedirect follows storage that has moved, but not out of TLS.
func checkRedirect(r *http.Request, via []*http.Request) error {
	last := via[len(via)-1].URL
	if len(via) > maxRedirects || last.Scheme == "https" && r.URL.Scheme != "https" {
		return fmt.Errorf("the redirect from %s is not followed", last.Host)
	}
	return nil
}

// As is the same client with another token.
func (c *Client) As(token string) *Client {
	other := *c
	other.token = token
	return &other
}

// URL is that of the API, without a slash at its end.
func (c *Client) URL() string { return c.api.String() }

// Token is the one that is sent, empty for none.
func (c *Client) Token() string { return c.token }

// Send sends one request and returns the answer, whatever its status. What it is
// sent to is a path of the API, or a whole URL of the same host. A body goes as
// JSON. The caller closes that of the answer.
func (c *Client) Send(ctx context.Context, method, to string, in any) (*http.Response, error) {
	at, err := c.resolve(to)
	if err != nil {
		return nil, err
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/vnd.github+json")
	r.Header.Set(version.Header, string(version.V20221128))
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.send(c.asks, r, c.server)
}

// Visit gets a URL without the token: a page, or what a signed URL gives. It
// follows redirects, and returns the answer whatever its status.
func (c *Client) Visit(ctx context.Context, to string, header http.Header) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return nil, err
	}
	maps.Copy(r.Header, header)
	return c.send(c.visits, r, r.URL.Host) // the rest of the URL may be a secret
}

func (c *Client) send(by *http.Client, r *http.Request, server string) (*http.Response, error) {
	if c.agent != "" {
		r.Header.Set("User-Agent", c.agent)
	}
	res, err := by.Do(r)
	if e, ok := errors.AsType[*url.Error](err); ok {
		return nil, &Unreachable{Server: server, Err: e.Err}
	}
	return res, err
}

// resolve is the URL that a request is sent to.
func (c *Client) resolve(to string) (string, error) {
	if strings.HasPrefix(to, "/") || to == "" {
		return c.URL() + to, nil
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != c.api.Scheme || u.Host != c.api.Host || u.User != nil {
		return "", fmt.Errorf("%s is not a URL of %s", to, c.server)
	}
	return to, nil
}
