// Package servertest runs a whole server inside of a test.
//
// [New] builds it as `understudy serve` does, with a data directory of its own,
// and puts it behind a listener on loopback. It has no bundled runners, and none
// of the loops that watch and sweep: tests move its clock and call what a loop
// would call. [Each] does so on SQLite and on PostgreSQL.
//
// A [Site] also makes what most tests need first: accounts, tokens,
// repositories, pushes, and requests whose answers are read and closed.
package servertest

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/server"
	"github.com/understudy-ci/understudy/internal/store"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// A Site is a server and the people on it.
type Site struct {
	testing.TB
	server.Services
	Server   *server.Server
	Data     string       // the data directory
	Database string       // the URL of the database
	URL      string       // http://127.0.0.1:PORT
	Client   *http.Client // follows no redirect
	Tally    store.Tally  // of the statements of all requests

	Admin      *actions.Account // a site admin
	AdminToken string           // with all scopes

	ahead atomic.Int64 // nanoseconds that the server's clock is ahead
}

// Config is what an operator can set, named here for tests that must not import
// package server.
type Config = server.Config

// Size is the type of values of Config.Limit.
type Size = server.Size

// Deps are what a process gives its server.
type Deps = server.Deps

// An Option changes what New makes.
type Option func(*options)

type options struct {
	config    func(*Config)
	deps      func(*Deps)
	transport func(http.RoundTripper) http.RoundTripper
}

// WithConfig lets change set what an operator could.
func WithConfig(change func(*Config)) Option {
	return func(o *options) { o.config = change }
}

// WithDeps lets change set what a process gives its server.
func WithDeps(change func(*Deps)) Option {
	return func(o *options) { o.deps = change }
}

// WithTransport lets wrap see every request and answer of the site's client.
func WithTransport(wrap func(http.RoundTripper) http.RoundTripper) Option {
	return func(o *options) { o.transport = wrap }
}

// New starts a server on SQLite, which ends with the test.
func New(t testing.TB, opts ...Option) *Site {
	t.Helper()
	return NewOn(t, storetest.URL(t), opts...)
}

// Each runs a test with a server on each engine of the store.
func Each(t *testing.T, test func(t *testing.T, s *Site), opts ...Option) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) { test(t, NewOn(t, url, opts...)) })
}

// NewOn starts a server on the database at url. Several may share one on
// PostgreSQL; each has a data directory of its own.
func NewOn(t testing.TB, url string, opts ...Option) *Site {
	t.Helper()
	var o options
	for _, set := range opts {
		set(&o)
	}
	s := &Site{TB: t}
	config := server.Config{
		Listen: []string{"127.0.0.1:0"}, Data: filepath.Join(t.TempDir(), "data"), Database: url, JobLease: time.Minute,
		NoSync: true, AllowPublic: true,
	}
	if o.config != nil {
		o.config(&config)
	}
	s.Data, s.Database = config.Data, config.Database
	log := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	deps := server.Deps{Log: log, Now: s.Now, Random: rand.Reader, Program: "/bin/false"}
	if o.deps != nil {
		o.deps(&deps)
	}
	var err error
	s.Server, err = server.New(t.Context(), config, deps)
	s.Must(err)
	t.Cleanup(func() {
		if err := s.Server.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.Services = s.Server.Services()
	s.listen(o.transport)
	s.Admin, err = s.Store.AccountByLogin(t.Context(), server.AdminLogin)
	s.Must(err)
	s.AdminToken = s.Token(s.Admin, actions.Scopes()...)
	return s
}

// listen puts the server behind a listener whose requests end with the test.
func (s *Site) listen(wrap func(http.RoundTripper) http.RoundTripper) {
	stopping, stop := context.WithCancel(context.Background())
	hs := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(stopping, cancel)()
		s.Server.ServeHTTP(w, r.WithContext(s.Tally.Count(ctx)))
	}))
	s.Cleanup(hs.Close)
	s.Cleanup(stop)
	s.URL = hs.URL
	transport := hs.Client().Transport
	if wrap != nil {
		transport = wrap(transport)
	}
	s.Client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Now is the server's clock.
func (s *Site) Now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

// Pass moves the server's clock ahead.
func (s *Site) Pass(d time.Duration) { s.ahead.Add(int64(d)) }

// Must ends the test if there is an error.
func (s *Site) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}
