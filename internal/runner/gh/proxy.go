package gh

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// A proxy passes requests for one host on to the server that has that name.
type proxy struct {
	to, at    *url.URL // the server by its name, and where it is
	transport *http.Transport
	forward   *httputil.ReverseProxy
}

// newProxy makes the proxy for the server of the name in to, at the address in at.
func newProxy(to, at *url.URL, log *slog.Logger) *proxy {
	p := &proxy{to: to, at: at, transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dial, DisableCompression: true,
	}}
	p.forward = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(at)
			r.Out.Host = to.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery // signatures are of it as it is
		},
		Transport: p.transport, ModifyResponse: p.follow, ErrorHandler: p.fail,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return p
}

func (p *proxy) close() { p.transport.CloseIdleConnections() }

// ServeHTTP implements [http.Handler].
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch host := strings.ToLower(r.Host); host {
	case strings.ToLower(p.to.Host):
	case "api." + strings.ToLower(p.to.Host): // gh knows hosts that have one for their API
		r = belowAPI(r)
	default:
		answer(w, http.StatusMisdirectedRequest, fmt.Sprintf(
			"gh asks for %s: in this job it is set up for %s, by a GH_TOKEN or GITHUB_TOKEN in the env of the step. For another host give the step GH_HOST, too.", r.Host, p.to.Host))
		return
	}
	p.forward.ServeHTTP(w, r)
}

// belowAPI is a request to the API's own host as one to the host of everything.
func belowAPI(r *http.Request) *http.Request {
	prefix := "/api/v3"
	if r.URL.Path == "/graphql" {
		prefix = "/api"
	}
	r = r.Clone(r.Context())
	r.URL.Path = prefix + r.URL.Path
	if r.URL.RawPath != "" {
		r.URL.RawPath = prefix + r.URL.RawPath
	}
	return r
}

// follow gets what the answer is of a redirect to another host, such as that of the
// server's storage. gh would ask the socket for it, and lose the scheme.
func (p *proxy) follow(resp *http.Response) error {
	to, err := resp.Location()
	if errors.Is(err, http.ErrNoLocation) || resp.StatusCode/100 != 3 || resp.Request.Method != http.MethodGet {
		return nil
	}
	if err != nil || strings.EqualFold(to.Host, p.to.Host) {
		return err
	}
	req, err := http.NewRequestWithContext(resp.Request.Context(), http.MethodGet, to.String(), nil)
	if err != nil {
		return err
	}
	other, err := (&http.Client{Transport: p.transport}).Do(req) //nolint:bodyclose // who passes it on closes it
	if err != nil {
		return err
	}
	_ = resp.Body.Close() // of a redirect
	*resp = *other
	return nil
}

// fail says why the server has not answered.
func (p *proxy) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		answer(w, http.StatusBadGateway, fmt.Sprintf("The runner cannot reach %s: %v", p.at, err))
	}
}

// answer is an error as gh shows it.
func answer(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // whoever is gone needs none
}

// dial knows that names below localhost are this machine, which not every system does.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if host, port, err := net.SplitHostPort(addr); err == nil && strings.HasSuffix(strings.ToLower(host), ".localhost") {
		addr = net.JoinHostPort("localhost", port)
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}
