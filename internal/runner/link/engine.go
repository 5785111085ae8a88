package link

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/runner/container"
)

// The worker asks the runner for containers: its sandbox has no engine. The runner's end checks each
// command as package container says.

// A request is a command with an id by which it is stopped.
type request struct {
	ID      string
	Command container.Command
}

// A frame is a part of the answer to a request. The last one has Ended set.
type frame struct {
	Shown    string `json:",omitempty"`
	Output   []byte `json:",omitempty"`
	Ended    bool   `json:",omitempty"`
	ExitCode int    `json:",omitempty"`
	Error    string `json:",omitempty"`
}

// A stop asks a command to stop, or to end at once.
type stop struct {
	ID   string
	Kill bool
}

// commands are those that run for a worker.
type commands struct {
	mu      sync.Mutex
	running map[string]*runningCommand
}

type runningCommand struct {
	cancel context.CancelFunc
	kill   func()
}

func (c *commands) add(id string, r *runningCommand) (remove func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running == nil {
		c.running = map[string]*runningCommand{}
	}
	if c.running[id] != nil {
		return nil, false
	}
	c.running[id] = r
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.running, id)
	}, true
}

func (c *commands) stop(s stop) {
	c.mu.Lock()
	r := c.running[s.ID]
	c.mu.Unlock()
	if r == nil {
		return
	}
	r.cancel()
	if s.Kill {
		r.kill()
	}
}

// engine runs a command for the worker. When that is gone, nobody waits for the command, and it is
// killed.
func (s *server) engine(w http.ResponseWriter, r *http.Request) {
	var req request
	if !decode(w, r, &req) {
		return
	}
	if s.Engine == nil {
		refuse(w, errors.New("this runner has no container engine"))
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	killed := make(chan struct{})
	kill := sync.OnceFunc(func() { close(killed) })
	defer context.AfterFunc(r.Context(), func() { cancel(); kill() })()
	remove, ok := s.commands.add(req.ID, &runningCommand{cancel, kill})
	if !ok {
		refuse(w, errors.New("there is a command with this id already"))
		return
	}
	defer remove()
	var mu sync.Mutex
	to, out := http.NewResponseController(w), json.NewEncoder(w)
	send := func(f frame) {
		mu.Lock()
		defer mu.Unlock()
		if err := errors.Join(out.Encode(f), to.Flush()); err != nil {
			cancel()
			kill()
		}
	}
	code, err := s.Engine.Do(ctx, req.Command, container.Stream{
		Shown: func(line string) { send(frame{Shown: line}) }, Output: func(batch []byte) { send(frame{Output: batch}) }, Kill: killed,
	})
	last := frame{Ended: true, ExitCode: code}
	if err != nil {
		last.Error = err.Error()
	}
	send(last)
}

func (s *server) stopCommand(w http.ResponseWriter, r *http.Request) {
	var which stop
	if decode(w, r, &which) {
		s.commands.stop(which)
	}
}

// Do implements [container.Engine].
func (c *client) Do(ctx context.Context, command container.Command, s container.Stream) (exitCode int, err error) {
	req := request{ID: uuid.NewString(), Command: command}
	body, err := json.Marshal(req)
	if err != nil {
		return 0, err
	}
	resp, err := c.do(context.WithoutCancel(ctx), http.MethodPost, enginePath, int64(len(body)), bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	ended := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(ended)
	wg.Go(func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			c.tell(stopPath, stop{ID: req.ID})
		case <-s.Kill:
		}
		select {
		case <-ended:
		case <-s.Kill:
			c.tell(stopPath, stop{ID: req.ID, Kill: true})
		}
	})
	frames := json.NewDecoder(resp.Body)
	for {
		var f frame
		if err := frames.Decode(&f); err != nil {
			return 0, errors.Join(errors.New("the runner does not answer"), err)
		}
		switch {
		case f.Ended && f.Error != "":
			return f.ExitCode, container.Error(f.Error)
		case f.Ended:
			return f.ExitCode, nil
		case f.Shown != "" && s.Shown != nil:
			s.Shown(f.Shown)
		case len(f.Output) > 0 && s.Output != nil:
			s.Output(f.Output)
		}
	}
}
