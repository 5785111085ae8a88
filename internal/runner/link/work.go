package link

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/runner/archive"
	"github.com/understudy-ci/understudy/internal/runner/host"
	"github.com/understudy-ci/understudy/internal/runner/worker"
	"github.com/understudy-ci/understudy/internal/wire"
)

// Work executes the task that comes through the door, and sends its result. Its
// process must be the first of a PID namespace. Processes of the job start from the environment
// own, but for what the task says.
func Work(ctx context.Context, inner *os.File, own []string, log *slog.Logger, now func() time.Time) error {
	door, err := packet(inner)
	if err != nil {
		return fmt.Errorf("door: %w", err)
	}
	defer door.Close()
	c := newClient(door, log)
	var t Task
	if err := c.call(ctx, http.MethodGet, taskPath, nil, &t); err != nil {
		return err
	}
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	signals := make(chan worker.Signal, 4)
	h := host.NewFirst(overlay(own, t.Env), t.TrackingID)
	var wg sync.WaitGroup
	defer wg.Wait()
	helpers, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	wg.Go(func() { h.Reap(helpers) })
	wg.Go(func() { c.listen(helpers, signals, kill) })
	result := worker.Run(ctx, &worker.Job{
		Message: t.Message, WorkDir: t.WorkDir, TempDir: t.TempDir, ActionsDir: t.ActionsDir, ToolDir: t.ToolDir, Node: t.Node, Runner: t.Runner,
		Host: h, Engine: c, Actions: c, Sink: c, Signals: signals, Now: now, Log: log,
	})
	return c.call(context.WithoutCancel(ctx), http.MethodPost, resultPath, result, nil)
}

// overlay is an environment with the variables of another, which count.
func overlay(env, more []string) []string {
	given := map[string]bool{}
	for _, entry := range more {
		name, _, _ := strings.Cut(entry, "=")
		given[name] = true
	}
	all := slices.Clone(more)
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); !given[name] {
			all = append(all, entry)
		}
	}
	return all
}

// A client asks the runner. It is the sink and the source of actions of a worker.
type client struct {
	http *http.Client
	log  *slog.Logger
}

func newClient(door *net.UnixConn, log *slog.Logger) *client {
	const buffer = 64 << 10
	return &client{http: &http.Client{Transport: &http.Transport{
		DialContext: (&dialer{door}).dial, MaxIdleConnsPerHost: maxConns, DisableCompression: true, WriteBufferSize: buffer, ReadBufferSize: buffer,
	}}, log: log}
}

const origin = "http://runner"

// do sends a request. An answer other than 200 is an error with its text; else the
// caller closes the body.
func (c *client) do(ctx context.Context, method, path string, size int64, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, origin+path, body)
	if err != nil {
		return nil, err
	}
	req.ContentLength = size
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("runner: %w", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return nil, errors.Join(errors.New(strings.TrimSuffix(string(text), "\n")), err)
}

// call sends JSON and reads JSON, each unless it is nil.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	resp, err := c.do(ctx, method, path, int64(len(body)), bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(out)
}

// tell is call where nobody can do anything about an error: the runner is gone then,
// and this process ends with it.
func (c *client) tell(path string, in any) {
	if err := c.call(context.Background(), http.MethodPost, path, in, nil); err != nil {
		c.log.Error("runner not told", "path", path, "err", err)
	}
}

// listen passes signals on. When there is no runner any more, nobody wants the job.
func (c *client) listen(ctx context.Context, to chan<- worker.Signal, kill func()) {
	defer kill()
	resp, err := c.do(ctx, http.MethodGet, signalsPath, 0, nil)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		n, err := strconv.Atoi(lines.Text())
		switch signal := worker.Signal(n); {
		case err != nil:
		case signal == killSignal:
			kill()
		default:
			select {
			case to <- signal:
			default: // so many wait that it is stopping already
			}
		}
	}
}

// Step implements [worker.Sink].
func (c *client) Step(u wire.StepUpdate) { c.tell(stepPath, u) }

// Log implements [worker.Sink].
func (c *client) Log(stepID string, text []byte) {
	for len(text) > 0 {
		part := text[:min(len(text), maxRequest)]
		text = text[len(part):]
		resp, err := c.do(context.Background(), http.MethodPost, logPath+stepID, int64(len(part)), bytes.NewReader(part))
		if err != nil {
			c.log.Error("text of a step not passed on", "step", stepID, "err", err)
			return
		}
		_ = resp.Body.Close() // it is empty
	}
}

// EndLog implements [worker.Sink].
func (c *client) EndLog(stepID string) { c.tell(endPath+stepID, nil) }

// Summary implements [worker.Sink].
func (c *client) Summary(stepID string, size int64, r io.Reader) error {
	if size == 0 {
		return nil
	}
	resp, err := c.do(context.Background(), http.MethodPost, summaryPath+stepID, size, r)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Resolve implements [worker.ActionSource].
func (c *client) Resolve(ctx context.Context, refs []wire.ActionRef) (infos map[string]wire.ActionInfo, err error) {
	err = c.call(ctx, http.MethodPost, resolvePath, refs, &infos)
	return infos, err
}

// Fetch implements [worker.ActionSource].
func (c *client) Fetch(ctx context.Context, info wire.ActionInfo, dir string) error {
	body, err := json.Marshal(info)
	if err != nil {
		return err
	}
	resp, err := c.do(ctx, http.MethodPost, archivePath, int64(len(body)), bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err = os.MkdirAll(dir, 0o755); err == nil {
		err = archive.Unpack(resp.Body, dir)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("download of %s@%s: %w", info.Name, info.Version, err), archive.RemoveAll(dir))
	}
	return nil
}
