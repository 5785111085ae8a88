package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A client speaks REST with a token.
type client struct {
	base  string // http://127.0.0.1:3000
	token string // "" for none
	http  *http.Client
}

const (
	requestTimeout = 30 * time.Second
	maxAnswer      = 64 << 20
)

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{
		Timeout:   requestTimeout,
		Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 2}, // no proxy: it is this machine
	}}
}

// as is the same client with another token.
func (c *client) as(token string) *client {
	other := *c
	other.token = token
	return &other
}

// A run, its jobs and their steps, as far as the demo looks at them.
type run struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Number     int64  `json:"run_number"`
	Event      string `json:"event"`
	Branch     string `json:"head_branch"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	URL        string `json:"html_url"`
}

type job struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Runner     string `json:"runner_name"`
	Steps      []step `json:"steps"`

	span // not from the API, which has whole seconds only
}

type step struct {
	Number     int    `json:"number"`
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`

	span
}

// A span is when something began and ended; zero when it has not.
type span struct {
	began, ended time.Time
}

// lasted is how long it took, or has taken at now.
func (s span) lasted(now time.Time) time.Duration {
	switch {
	case s.began.IsZero():
		return 0
	case s.ended.IsZero():
		return max(0, now.Sub(s.began))
	}
	return max(0, s.ended.Sub(s.began))
}

// findRun finds the run of a commit. There is exactly one, or will be.
func (c *client) findRun(ctx context.Context, repo, sha string) (*run, error) {
	var list struct {
		Runs []*run `json:"workflow_runs"`
	}
	err := c.get(ctx, "/repos/"+repo+"/actions/runs?head_sha="+sha, &list)
	if err != nil || len(list.Runs) == 0 {
		return nil, err
	}
	return list.Runs[0], nil
}

func (c *client) run(ctx context.Context, repo string, id int64) (*run, error) {
	r := new(run)
	return r, c.get(ctx, fmt.Sprintf("/repos/%s/actions/runs/%d", repo, id), r)
}

func (c *client) jobs(ctx context.Context, repo string, run int64) ([]job, error) {
	var list struct {
		Jobs []job `json:"jobs"`
	}
	return list.Jobs, c.get(ctx, fmt.Sprintf("/repos/%s/actions/runs/%d/jobs?per_page=100", repo, run), &list)
}

// get and post are requests to the API below /api/v3.
func (c *client) get(ctx context.Context, path string, answer any) error {
	body, err := c.do(ctx, http.MethodGet, "/api/v3"+path, nil)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

func (c *client) post(ctx context.Context, path string, question, answer any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	body, err := c.do(ctx, http.MethodPost, "/api/v3"+path, text)
	if err != nil || answer == nil {
		return err
	}
	return json.Unmarshal(body, answer)
}

// An apiError is an answer that is no success.
type apiError struct {
	request, message string
	status           int
}

func (e *apiError) Error() string {
	return fmt.Sprintf("%s: %d %s", e.request, e.status, e.message)
}

// do sends a request and returns the body of the answer, following redirects.
func (c *client) do(ctx context.Context, method, path string, body []byte) (_ []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		var problem struct {
			Message string          `json:"message"`
			Errors  json.RawMessage `json:"errors"`
		}
		if json.Unmarshal(answer, &problem) != nil {
			problem.Message = http.StatusText(res.StatusCode)
		}
		return nil, &apiError{method + " " + path, strings.TrimSpace(problem.Message + " " + string(problem.Errors)), res.StatusCode}
	}
	return answer, nil
}

// readToken reads a token from its file.
func readToken(file string) (string, error) {
	text, err := os.ReadFile(file)
	return strings.TrimSpace(string(text)), err
}

// writeToken puts a token in a file that only this user reads.
func writeToken(dir, name, token string) (file string, err error) {
	file = filepath.Join(dir, name)
	return file, os.WriteFile(file, []byte(token+"\n"), 0o600)
}
