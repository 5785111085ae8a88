package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/servertest"
)

// takings are the ways in which somebody loses their access while a request goes on.
var takings = map[string]func(s *servertest.Site, who *actions.Account, token string){
	"token": func(s *servertest.Site, _ *actions.Account, token string) {
		s.Want(s.Do(http.MethodPost, servertest.API+"/credentials/revoke", "", map[string]any{"credentials": []string{token}}), http.StatusAccepted)
	},
	"suspended": func(s *servertest.Site, who *actions.Account, _ string) {
		s.Want(s.Do(http.MethodPut, servertest.API+"/users/"+who.Login+"/suspended", s.AdminToken, nil), http.StatusNoContent)
	},
	"deleted": func(s *servertest.Site, who *actions.Account, _ string) {
		s.Want(s.Do(http.MethodDelete, servertest.API+"/admin/users/"+who.Login, s.AdminToken, nil), http.StatusNoContent)
	},
}

// ends says how long after begin a request ended. By itself none would in half a minute.
func ends(s *servertest.Site, what string, ended <-chan struct{}) {
	s.Helper()
	begin := time.Now()
	select {
	case <-ended:
		s.Logf("%s has ended after %s", what, time.Since(begin))
	case <-time.After(20 * time.Second):
		s.Fatalf("%s goes on", what)
	}
}

// request writes a request to a connection of its own and leaves it open.
func request(s *servertest.Site, head, body string) net.Conn {
	s.Helper()
	conn, err := new(net.Dialer).DialContext(s.Context(), "tcp", strings.TrimPrefix(s.URL, "http://"))
	s.Must(err)
	s.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "%s\r\nHost: %s\r\n\r\n%s", head, conn.RemoteAddr(), body)
	s.Must(err)
	return conn
}

func readAll(conn io.Reader) <-chan struct{} {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, conn)
	}()
	return ended
}

func TestAPushUnderWayEndsWithTheTokenOrTheAccountAtEveryServer(t *testing.T) {
	servertest.Cluster(t, 2, func(t *testing.T, sites []*servertest.Site) {
		running(sites...)
		one, two := sites[0], sites[1]
		repo := one.Repository(one.User("octo"), "hello", true)
		for what, take := range takings {
			mona := one.User("mona-" + what)
			one.Must(one.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Write))
			token := one.Token(mona, "repo")
			conn := request(two, "POST /octo/hello.git/git-receive-pack HTTP/1.1\r\nAuthorization: Bearer "+token+
				"\r\nContent-Type: application/x-git-receive-pack-request\r\nContent-Length: 1000", "00")
			ended := readAll(conn)
			two.Await("the push has begun", func() bool { return two.Server.Underway() > 0 })
			take(one, mona, token)
			ends(two, "with "+what+" the push", ended)
		}
	})
}

// A client that takes nothing would be waited for.
func TestAnAnswerUnderWayEndsWithTheTokenOrTheAccount(t *testing.T) {
	for what, take := range takings {
		t.Run(what, func(t *testing.T) {
			s := servertest.New(t)
			s.Serve()
			repo := s.Repository(s.User("octo"), "hello", true)
			mona := s.User("mona")
			s.Must(s.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Read))
			s.Push(repo, "main", s.AdminToken, map[string]string{"large": strings.Repeat("0123456789abcdef", 1<<20)})
			token := s.Token(mona, "repo")
			conn := request(s, "GET /api/v3/repos/octo/hello/contents/large HTTP/1.1\r\nAccept: application/vnd.github.raw\r\nAuthorization: Bearer "+token, "")
			in := bufio.NewReaderSize(conn, 16)
			status, err := in.ReadString('\n')
			s.Must(err)
			if !strings.Contains(status, "200") {
				t.Fatalf("got %s", status)
			}
			take(s, mona, token)
			s.Await("the answer ends", func() bool { return s.Server.Underway() == 0 })
			if n, _ := io.Copy(io.Discard, in); n > 12<<20 {
				t.Errorf("%d bytes came all the same", n)
			}
		})
	}
}

func TestAPushByHTTP2EndsAloneOnItsConnection(t *testing.T) {
	s := servertest.New(t, servertest.WithConfig(func(c *servertest.Config) { c.TLSSelf = true }))
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	s.Client.Transport = transport
	defer transport.CloseIdleConnections()
	s.Serve()
	repo := s.Repository(s.User("octo"), "hello", true)
	mona := s.User("mona")
	s.Must(s.Store.SetCollaborator(t.Context(), repo.ID, mona.ID, actions.Write))
	push := func(token string) (ended chan struct{}, finish func()) {
		body, more := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/octo/hello.git/git-receive-pack", body)
		s.Must(err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-git-receive-pack-request")
		ended = make(chan struct{})
		go func() {
			defer close(ended)
			res, err := s.Client.Do(r)
			if err != nil {
				return
			}
			if res.ProtoMajor != 2 {
				t.Errorf("HTTP/%d", res.ProtoMajor)
			}
			_ = readAll(res.Body)
			_ = res.Body.Close()
		}()
		_, err = more.Write([]byte("00"))
		s.Must(err)
		return ended, func() { _ = more.Close() }
	}
	token := s.Token(mona, "repo")
	hers, end := push(token)
	defer end()
	others, finish := push(s.AdminToken)
	s.Await("both pushes have begun", func() bool { return s.Server.Underway() == 2 })
	takings["token"](s, mona, token)
	ends(s, "the push", hers)
	s.Await("one push is left", func() bool { return s.Server.Underway() == 1 })
	select {
	case <-others:
		t.Error("the push of somebody else has ended, too")
	default:
	}
	finish()
	<-others
}

func TestWhoRevokesTheirOwnTokenIsAnswered(t *testing.T) {
	s := servertest.New(t)
	s.Serve()
	for range 5 {
		token := s.Token(s.Admin, "repo")
		s.Want(s.Do(http.MethodPost, servertest.API+"/credentials/revoke", token, map[string]any{"credentials": []string{token}}), http.StatusAccepted)
		s.Want(s.Do(http.MethodGet, servertest.API+"/user", token, nil), http.StatusUnauthorized)
	}
}
