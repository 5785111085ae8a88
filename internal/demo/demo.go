package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/client"
	"github.com/understudy-ci/understudy/internal/server"
)

// Config is what can be chosen about a demo.
type Config struct {
	Dir      string // to work in, kept afterwards; "" for a temporary one
	Keep     bool   // leave the server up until the context ends, and its directory
	Database string // as of server.Config; "" for SQLite in the directory
	Runners  int    // at least one
}

// Who pushes what.
const (
	user = "octo"
	repo = "octo/hello"
)

var errNotEmpty = errors.New("the database is another server's already: the demo needs one that is empty")

var errInterrupted = errors.New("interrupted before the demo was over")

// Run gives the demo on a terminal. It returns nil if everything worked: the
// run and each of its jobs ended in success, the logs can be downloaded and are
// all there, the page shows the summary, and the artifact is what was uploaded.
func Run(ctx context.Context, c Config, deps server.Deps, t *Terminal) (err error) {
	if err := needPrograms(); err != nil {
		return err
	}
	c.Runners = max(1, c.Runners)
	s, err := openStage(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	t.printf("%s a push, all the way through\n\n", t.paint(bold, "Understudy "+printable(deps.Version)+":"))
	up, err := s.serve(ctx, c, deps)
	if err != nil {
		return err
	}
	d := &demo{stage: s, env: deps.Env, t: t, agent: "understudy/" + deps.Version, keep: c.Keep}
	t.field("server", fmt.Sprintf("%s, %s, %s", t.paint(cyan, s.url), count(c.Runners, "runner"), s.database))
	err = d.perform(up)
	if err != nil && up.Err() != nil {
		if err = context.Cause(up); ctx.Err() != nil {
			return errInterrupted
		}
		return err
	}
	if err != nil {
		s.explain(t)
	}
	if c.Keep {
		if err != nil {
			t.printf("\n%s %s\n", t.paint(red, "Failed:"), err)
		}
		d.invite()
		<-up.Done()
		if ctx.Err() == nil {
			err = errors.Join(err, context.Cause(up))
		}
	}
	return err
}

// A demo is one performance on a server that is up.
type demo struct {
	stage  *stage
	env    []string
	t      *Terminal
	client *client.Client // of the user, once there is one
	agent  string
	keep   bool
}

// perform pushes the sample, shows its run, and checks what came of it.
func (d *demo) perform(ctx context.Context) error {
	tokenFile, err := d.accounts(ctx)
	if err != nil {
		return err
	}
	pushed, sha, err := d.pushSample(ctx, tokenFile)
	if err != nil {
		return err
	}
	w := &watcher{client: d.client, repo: repo, seen: make(map[string]period)}
	r, err := w.find(ctx, sha)
	if err != nil {
		return err
	}
	d.t.printf("\n")
	v := newView(d.t)
	defer v.close()
	f, err := w.follow(ctx, r.ID, v.show)
	if err != nil {
		return err
	}
	book, err := readLogs(ctx, d.client, repo, f.run.ID)
	if err != nil {
		v.finish(f)
		return fmt.Errorf("logs of the run: %w", err)
	}
	book.exact(f.jobs)
	v.finish(f)
	return d.review(ctx, f, book, pushed)
}

// review shows what the run left, and says what of it is not as it should be.
func (d *demo) review(ctx context.Context, f *frame, book logbook, pushed time.Time) error {
	failed := checkRun(f)
	if failed != nil {
		d.failures(f, book)
	}
	summary, err := summary(ctx, d.client, f.run.URL)
	if err != nil {
		return errors.Join(failed, fmt.Errorf("page of the run: %w", err))
	}
	d.t.printf("\n")
	if summary != "" {
		d.t.printf("%s\n", indent(summary, "  "))
	}
	began, ended := extent(f.jobs)
	d.t.field("run", d.t.paint(cyan, f.run.URL)+d.t.paint(faint, d.fleeting()))
	d.t.field("first step", latency(began, pushed))
	d.t.field("conclusion", fmt.Sprintf("%s, %s after git push returned", f.run.Conclusion, took(max(0, ended.Sub(pushed)))))
	d.t.field("logs", count(len(book), "file")+" in the archive that the API gives")
	if failed != nil {
		return failed
	}
	return errors.Join(d.showArtifact(ctx, f.run.ID), checkLogs(book, f), checkSummary(summary))
}

// fleeting says what happens to a server that is not kept.
func (d *demo) fleeting() string {
	if d.keep {
		return ""
	}
	return " (until the demo ends; --keep leaves it up)"
}

// latency says how long after the return of git push the first step of the
// first job wrote the first line of its log.
func latency(first, pushed time.Time) string {
	switch d := first.Sub(pushed); {
	case first.IsZero():
		return "never began"
	case d < 0:
		return fmt.Sprintf("0 ms after git push returned: it began %s before", took(-d))
	default:
		return took(d) + " after git push returned"
	}
}

// failures shows the end of the log of each step that failed.
func (d *demo) failures(f *frame, book logbook) {
	const lines = 20
	for i := range f.jobs {
		j := &f.jobs[i]
		for k := range j.Steps {
			s := &j.Steps[k]
			if s.Conclusion != failure {
				continue
			}
			d.t.printf("\n%s\n", d.t.paint(red, printable(j.Name+" › "+s.Name)))
			text, _ := book.step(j, s)
			for _, line := range tail(text, lines) {
				d.t.printf("  %s\n", line)
			}
		}
	}
}

// accounts makes the account and its repository, and returns the file that holds
// the token of the user.
func (d *demo) accounts(ctx context.Context) (tokenFile string, err error) {
	token, err := readToken(d.stage.adminToken())
	if errors.Is(err, fs.ErrNotExist) && d.stage.shared { // a database with an admin gets no other
		return "", errNotEmpty
	}
	if err != nil {
		return "", err
	}
	admin, err := client.New(client.Config{URL: d.stage.url, Token: token, Agent: d.agent})
	if err != nil {
		return "", err
	}
	if err := admin.Do(ctx, http.MethodPost, "/admin/users", map[string]string{"login": user, "email": user + "@example.com"}, nil); err != nil {
		return "", err
	}
	// There are two people now, and the sample is public.
	group := map[string]bool{"allows_public_repositories": true}
	if err := admin.Do(ctx, http.MethodPatch, "/enterprises/understudy/actions/runner-groups/1", group, nil); err != nil {
		return "", err
	}
	var made struct {
		Token string `json:"token"`
	}
	err = admin.Do(ctx, http.MethodPost, "/admin/users/"+user+"/authorizations", map[string][]string{"scopes": {"repo", "workflow"}}, &made)
	if err != nil {
		return "", err
	}
	d.client = admin.As(made.Token)
	question := map[string]string{"name": strings.TrimPrefix(repo, user+"/"), "description": "Says on which day of the week a date falls"}
	if err := d.client.Do(ctx, http.MethodPost, "/user/repos", question, nil); err != nil {
		return "", err
	}
	return writeToken(d.stage.dir, user+"-token", made.Token)
}

// pushSample pushes the sample, and returns when the push returned and which
// commit it was.
func (d *demo) pushSample(ctx context.Context, tokenFile string) (pushed time.Time, sha string, err error) {
	c, err := newClone(ctx, d.env, d.stage.path("hello"), "sample", d.stage.url+"/"+repo+".git", user, tokenFile)
	if err != nil {
		return time.Time{}, "", err
	}
	if sha, err = c.head(ctx); err != nil {
		return time.Time{}, "", err
	}
	began := time.Now()
	if pushed, err = c.push(ctx, "main"); err == nil {
		d.t.field("sample", fmt.Sprintf("%s pushed in %s", repo, took(pushed.Sub(began))))
	}
	return pushed, sha, err
}

// field writes a line with a name in front.
func (t *Terminal) field(name, text string) {
	t.printf("  %s %s\n", t.paint(faint, pad(name, 11)), text)
}

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// indent puts text below what it belongs to.
func indent(text, by string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = by + line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
