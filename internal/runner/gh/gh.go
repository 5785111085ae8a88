// Package gh lets the program gh work in jobs as it does on GitHub.
//
// gh takes the host from its environment, and speaks HTTPS to every host, unless its
// configuration names a Unix socket: to that it speaks plain HTTP, whatever the host.
// A job has a [Socket] of its own, and finds it without being told: see [Socket.Add].
//
// What comes by the socket goes on to the server from the process that has made the
// socket, as any request of the job would. So the job gains nothing by it: neither a
// credential, nor a place that it could not reach by itself.
package gh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// A Socket is where the gh of one job finds the server.
type Socket struct {
	dir        string // of the configuration
	host       string // of the server, as gh names it
	repository string // of the job: OWNER/NAME
	short      string // a directory for the socket, where dir is too long for one
	server     *http.Server
	proxy      *proxy
	wg         sync.WaitGroup
}

const (
	maxConns   = 64 // at the same time; others wait
	headerTime = 10 * time.Second
)

// Open makes a socket, and a configuration of gh that names it, in a directory, which
// it creates. server is the URL of the server as the job knows it, and api that of its
// REST API, by which it is reached: the name in the first may lead nowhere. repository is
// OWNER/NAME. The caller closes the socket.
func Open(dir, server, api, repository string, log *slog.Logger) (*Socket, error) {
	to, err := parse(server)
	if err != nil {
		return nil, err
	}
	at := to
	if below, ok := strings.CutSuffix(strings.TrimRight(api, "/"), "/api/v3"); ok {
		if at, err = parse(below); err != nil {
			return nil, err
		}
	}
	s := &Socket{dir: dir, host: strings.ToLower(to.Host), repository: repository, proxy: newProxy(to, at, log)}
	l, err := s.listen()
	if err != nil {
		return nil, fmt.Errorf("gh: %w", errors.Join(err, s.remove()))
	}
	s.server = &http.Server{
		Handler: s.proxy, ReadHeaderTimeout: headerTime, IdleTimeout: headerTime,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	s.wg.Go(func() { _ = s.server.Serve(netutil.LimitListener(l, maxConns)) }) // it ends with the socket
	return s, nil
}

func parse(server string) (*url.URL, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("gh: %q is no URL of a server", server)
	}
	return u, nil
}

// listen makes the directory, what is in it, and the socket.
func (s *Socket) listen() (net.Listener, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(s.dir, socketName)
	if len(path) > maxPath {
		var err error
		if s.short, err = os.MkdirTemp("", "understudy-gh-"); err != nil {
			return nil, err
		}
		path = filepath.Join(s.short, socketName)
	}
	config := fmt.Sprintf("version: \"1\"\nhttp_unix_socket: %q\n", path)
	if err := os.WriteFile(filepath.Join(s.dir, "config.yml"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return new(net.ListenConfig).Listen(context.Background(), "unix", path)
}

const (
	socketName = "s"
	maxPath    = 100 // bytes; no system takes much more for a socket
)

// Close ends the socket and the requests that are under way. The directory stays.
func (s *Socket) Close() error {
	if s == nil {
		return nil
	}
	err := s.server.Close()
	s.wg.Wait()
	s.proxy.close()
	return errors.Join(err, s.remove())
}

func (s *Socket) remove() error {
	if s.short == "" {
		return nil
	}
	return os.RemoveAll(s.short)
}

// Add adds to the environment of a process what its gh needs to find the server and
// the repository. What is there already counts more; with another GH_HOST nothing is
// added at all. The token is that which the step has given, as on GitHub: gh wants the
// one for a server of one's own under another name. Without one gh is not told of the
// server either, since it then says what it says on GitHub. A nil Socket adds nothing.
func (s *Socket) Add(env map[string]string) {
	if s == nil {
		return
	}
	if host, ok := env["GH_HOST"]; ok && !strings.EqualFold(host, s.host) {
		return
	}
	vars := map[string]string{"GH_CONFIG_DIR": s.dir, "GH_REPO": s.repository}
	own := cmp.Or(env["GH_ENTERPRISE_TOKEN"], env["GITHUB_ENTERPRISE_TOKEN"])
	token := cmp.Or(env["GH_TOKEN"], env["GITHUB_TOKEN"])
	if own != "" || token != "" {
		vars["GH_HOST"] = s.host
	}
	for name, value := range vars {
		if _, ok := env[name]; !ok {
			env[name] = value
		}
	}
	if own == "" && token != "" {
		env["GH_ENTERPRISE_TOKEN"] = token
	}
}
