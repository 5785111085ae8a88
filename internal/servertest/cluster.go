package servertest

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/secret"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

// never is longer than any test: what a server of a cluster knows of another, it was told.
const never = time.Hour

// Cluster runs a test with n servers on one PostgreSQL database. They share what
// such servers must: the bare repositories, the keys and the blobs. None looks at
// the database again because time has passed, unless an option says so. A test
// calls [Site.Serve] on those that are to hear each other.
func Cluster(t *testing.T, n int, test func(t *testing.T, sites []*Site), opts ...Option) {
	t.Helper()
	storetest.EachSchema(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite:") {
			t.Skip("one server has the file to itself")
		}
		var sites []*Site
		for range n {
			data := filepath.Join(t.TempDir(), "data")
			common := data
			if len(sites) > 0 {
				common = sites[0].Data
				share(t, common, data)
			}
			own := []Option{
				WithConfig(func(c *Config) { c.Data, c.Blobs = data, filepath.Join(common, "blobs") }),
				WithDeps(func(d *Deps) { d.Limits.Recheck = never }),
			}
			sites = append(sites, NewOn(t, url, append(own, opts...)...))
		}
		test(t, sites)
	})
}

// share gives a new server what the first one has.
func share(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"repositories", "token.key", secret.File} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// Serve runs the server as `understudy serve` does, with all of its loops, until the
// end of the test. From then on URL is that of its own listener. It returns when
// the server hears what others do.
func (s *Site) Serve() {
	s.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.Context())) // its clients end before
	ready, ended := make(chan []string, 1), make(chan error, 1)
	go func() { ended <- s.Server.Run(ctx, func(urls []string) { ready <- urls }) }()
	s.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("run: %v", err)
		}
	})
	select {
	case urls := <-ready:
		s.URL = urls[0]
	case err := <-ended:
		ended <- nil
		s.Fatalf("run ended: %v", err)
	}
	s.Hears()
}

// Hears waits until the server hears what others do.
func (s *Site) Hears() {
	s.Helper()
	s.Await("the server hears others", func() bool {
		before := s.Store.Revision()
		return s.Store.Revision() == before // two are the same
	})
}

// Await waits until ok, which takes little time unless something is broken, and
// returns how long it took.
func (s *Site) Await(what string, ok func() bool) time.Duration {
	s.Helper()
	begin := time.Now()
	for !ok() {
		if time.Since(begin) > 20*time.Second {
			s.Fatalf("not seen in 20 s: %s", what)
		}
		<-time.After(time.Millisecond)
	}
	return time.Since(begin)
}
