package upstream_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/store/storetest"
	"github.com/understudy-ci/understudy/internal/upstream"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func TestAnUpstreamThatHangsEndsInTime(t *testing.T) {
	for name, hang := range map[string]http.HandlerFunc{
		"before its answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"in its answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, storetest.Open(t), func(_ *world, c *upstream.Config) { c.Limits.Idle = 100 * time.Millisecond })
			w.host.Instead(hang)
			w.missing("octo/hello@v1", actions.Unavailable, "sends nothing for 100ms")
			w.host.Instead(nil)
			w.missing("octo/hello@v1", actions.Unavailable, "sends nothing") // which is remembered
			tree := w.host.Add("octo/other")
			sha := tree.Commit("one")
			tree.Git("push", "-q", "origin", "main")
			w.found("octo/other@main", sha) // and nobody else suffers
		})
	}
}

func TestAnUpstreamThatIsSlowEndsInTime(t *testing.T) {
	w := newWorld(t, storetest.Open(t), func(_ *world, c *upstream.Config) { c.Limits.Fetch = 300 * time.Millisecond })
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		for r.Context().Err() == nil {
			_, _ = rw.Write([]byte("0"))
			_ = http.NewResponseController(rw).Flush()
			time.Sleep(10 * time.Millisecond)
		}
	}))
	w.missing("octo/hello@v1", actions.Unavailable, "")
}

func TestAnUpstreamThatSendsWithoutEndIsCutOff(t *testing.T) {
	w := newWorld(t, storetest.Open(t), func(_ *world, c *upstream.Config) { c.Limits.Bytes = 8 << 20 })
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
		_, _ = rw.Write([]byte("001e# service=git-upload-pack\n0000"))
		line := []byte(fmt.Sprintf("%s refs/heads/x\n", strings.Repeat("a", 40)))
		line = append([]byte(fmt.Sprintf("%04x", len(line)+4)), line...)
		many := bytes.Repeat(line, 1000)
		for r.Context().Err() == nil {
			if _, err := rw.Write(many); err != nil {
				return
			}
		}
	}))
	w.missing("octo/hello@v1", actions.Invalid, "sends more than 8 MiB")
}

func TestWhatIsTooLargeIsNotKept(t *testing.T) {
	w := newWorld(t, storetest.Open(t), func(_ *world, c *upstream.Config) { c.Limits.Files = 1 << 20 })
	tree := w.host.Add("octo/bomb")
	tree.Commit("one", "zeros", strings.Repeat("0", 2<<20)) // small as git has it
	tree.Git("push", "-q", "origin", "main")
	w.missing("octo/bomb@main", actions.Invalid, "too large")
	list, err := w.store.KeptActions(t.Context(), "", 0, 10)
	w.must(err)
	if len(list) > 0 {
		t.Errorf("kept %+v", list)
	}
	left := 0
	for _, err := range w.c.Blobs.List(t.Context()) {
		w.must(err)
		left++
	}
	if left > 0 {
		t.Errorf("%d blobs are left", left)
	}
}

func TestWhatNobodyUsesGoesWhenThereIsTooMuch(t *testing.T) {
	w := newWorld(t, storetest.Open(t), func(_ *world, c *upstream.Config) { c.Limits.Quota = 250 << 10 })
	shas := map[string]string{}
	for _, name := range []string{"octo/a", "octo/b", "octo/c"} {
		tree := w.host.Add(name)
		noise := make([]byte, 50<<10)
		_, _ = rand.Read(noise)
		shas[name] = tree.Commit("one", "noise", string(noise))
		tree.Git("push", "-q", "origin", "main")
		w.found(name+"@main", shas[name])
		w.pass(time.Hour)
	}
	list, err := w.store.KeptActions(t.Context(), "", 0, 10)
	w.must(err)
	if len(list) == 3 || len(list) == 0 || list[len(list)-1].Name != "octo/c" {
		t.Errorf("kept %d, want the last ones only", len(list))
	}
	w.found("octo/a@main", shas["octo/a"])
}

func TestConnectionsLeadToTheListedHostOnly(t *testing.T) {
	inside := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("somebody has come who must not") })
	w := newWorld(t, storetest.Open(t), nil)
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, inside.URL+r.URL.String(), http.StatusFound)
	}))
	w.missing("octo/hello@v1", actions.Forbidden, "leads to 127.0.0.1")
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "http://169.254.169.254/latest/"+r.URL.String(), http.StatusFound)
	}))
	w.pass(2 * time.Minute)
	w.missing("octo/hello@v1", actions.Forbidden, "leads to 169.254.169.254")
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, "file:///etc/passwd", http.StatusFound)
	}))
	w.pass(2 * time.Minute)
	w.missing("octo/hello@v1", actions.Unavailable, "")

	// A repository that was renamed is at another path of the same host.
	tree := w.host.Add("octo/new")
	sha := tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if path := strings.Replace(r.URL.String(), "octo/old", "octo/new", 1); path != r.URL.String() {
			http.Redirect(rw, r, path, http.StatusMovedPermanently)
			return
		}
		w.host.Git.ServeHTTP(rw, r)
	}))
	w.pass(2 * time.Minute)
	w.found("octo/old@main", sha)
}

func TestAddressesThatArePrivateAreForHostsListedAsSuch(t *testing.T) {
	_, port, err := net.SplitHostPort(strings.TrimPrefix(serve(t, func(http.ResponseWriter, *http.Request) {}).URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1", "fd00::1", "::", "224.0.0.1", "::127.0.0.1"} {
		w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
			c.Hosts = []*upstream.Host{w.listed("http://git.example:" + port)}
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
				return []netip.Addr{netip.MustParseAddr(address)}, nil
			}
		})
		w.missing("octo/hello@v1", actions.Unavailable, "private address")
	}
}

// The name of a host may mean another address each time that it is looked up.
func TestTheAddressThatIsCheckedIsTheOneThatIsConnectedTo(t *testing.T) {
	asked := 0
	w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(w.host.URL, "http://"))
		c.Hosts = []*upstream.Host{w.listed("http://git.example:"+port, "git.example")}
		c.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			if host != "git.example" {
				return nil, errors.New("another name")
			}
			asked++
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
	})
	tree := w.host.Add("octo/hello")
	sha := tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	w.found("octo/hello@main", sha) // git itself looks nothing up: nothing but us knows git.example
	if asked == 0 {
		t.Error("nobody has looked the host up")
	}
}

func TestAHostThatCannotBeReachedIsTriedOnceAMinute(t *testing.T) {
	tries := 0
	w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
		c.Hosts = []*upstream.Host{w.listed("https://github.example"), w.listed(w.host.URL)}
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			tries++
			return nil, errors.New("no such host")
		}
	})
	tree := w.host.Add("octo/hello")
	tree.Commit("one")
	tree.Git("push", "-q", "origin", "main")
	for range 3 { // and the next host is not asked: its octo may be somebody else
		w.missing("octo/hello@main", actions.Unavailable, "https://github.example: it cannot be reached: no such host")
	}
	if tries != 1 {
		t.Errorf("tried %d times, want once", tries)
	}
}

func TestWhoHasSomethingThatStandsInDoesNotWait(t *testing.T) {
	hold := make(chan struct{})
	w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
		c.Hosts = []*upstream.Host{w.listed("https://github.example")}
		c.Limits.StandInProbe, c.Limits.Connect = 10*time.Millisecond, time.Hour
		c.Lookup = func(ctx context.Context, _ string) ([]netip.Addr, error) {
			select {
			case <-hold:
			case <-ctx.Done():
			}
			return nil, errors.New("no such host")
		}
	})
	ask := func() {
		t.Helper()
		_, err := w.Resolve(t.Context(), upstream.Ask{Name: "actions/checkout", Ref: "v4", StandIn: true})
		if !errors.Is(err, upstream.ErrUnreachable) {
			t.Fatalf("%v, want that it cannot be reached", err)
		}
	}
	ask()
	close(hold)
	ask()
	w.pass(2 * time.Minute)
	began := time.Now()
	hold = make(chan struct{})
	defer close(hold)
	ask() // the last thing known is that it is away: nobody waits to hear that again
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("waited %s", d)
	}
}

func TestCredentialsGoToTheirHostOnly(t *testing.T) {
	const token = "ghp_marker12345"
	var logged bytes.Buffer
	w := newWorld(t, storetest.Open(t), func(w *world, c *upstream.Config) {
		other := w.listed(strings.Replace(w.host.URL, "127.0.0.1", "localhost", 1))
		c.Hosts = append(c.Hosts, other)
		w.must(upstream.Credentials(c.Hosts[:1], "# ours\n\n"+strings.Replace(w.host.URL, "http://", "http://ci:"+token+"@", 1)+"\n"))
		c.Log = slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Lookup = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		}
	})
	seen := map[string]string{}
	w.host.Instead(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name, _, _ := net.SplitHostPort(r.Host)
		seen[name] = r.Header.Get("Authorization")
		rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		rw.WriteHeader(http.StatusUnauthorized) // what a host says of what it does not have
	}))
	_, err := w.resolve("octo/secret@v1")
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ci:"+token))
	if seen["127.0.0.1"] != want || seen["localhost"] != "" {
		t.Errorf("hosts got %v", seen)
	}
	if actions.KindOf(err) != actions.NotFound || strings.Contains(fmt.Sprintf("%v %+v", err, w.c.Hosts[0]), token) || strings.Contains(logged.String(), token) {
		t.Errorf("%v\n%s", err, logged.String())
	}
}

func TestHostsThatCannotBeAreRefused(t *testing.T) {
	for _, list := range [][]string{{"github.com"}, {"ssh://git@github.com"}, {"file:///etc"}, {"https://u:secret@x.example"}, {"https://"}, {"https://x/?a"}, {"off", "https://x"}, {"https://a b"}, {""}} {
		if _, err := upstream.ParseHosts(list, nil); actions.KindOf(err) != actions.Invalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", list, err)
		}
	}
	if hosts, err := upstream.ParseHosts([]string{"off"}, nil); err != nil || len(hosts) > 0 {
		t.Errorf("off: %v, %v", hosts, err)
	}
	if _, err := upstream.ParseHosts([]string{"https://x"}, []string{"y"}); err == nil {
		t.Error("a private host that is none is taken")
	}
	hosts, err := upstream.ParseHosts([]string{"https://X.example/git/"}, nil)
	if err != nil || hosts[0].URL != "https://x.example/git" {
		t.Errorf("%+v, %v", hosts, err)
	}
	for _, text := range []string{"https://x.example", "https://a:secret@y.example", "http://a:secret@x.example", "a:secret", "https://a:secret@x.example/path"} {
		if err := upstream.Credentials(hosts, text); actions.KindOf(err) != actions.Invalid || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
