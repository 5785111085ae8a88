package runner

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/understudy-ci/understudy/internal/wire"
)

const (
	pollTimeout  = 100 * time.Second // servers hold a poll for 50 s
	closeTimeout = 5 * time.Second
	ackTimeout   = 5 * time.Second
)

// broker sends a call below the broker's base with the runner's token.
func (r *Runner) broker(ctx context.Context, c call) error {
	c.url = join(r.settings.ServerURLV2, c.url)
	return r.authorized(ctx, c)
}

// authorized sends a call with the runner's token.
func (r *Runner) authorized(ctx context.Context, c call) error {
	return r.tokens.withToken(ctx, func(auth string) error {
		c.auth = auth
		return r.http.do(ctx, c)
	})
}

// openSession makes a session, for as long as it takes. It gives up when the
// runner is gone or, after a while, when another session lives on.
func (l *listener) openSession(ctx context.Context) (id string, err error) {
	s := wire.Session{
		SessionID: uuid.Nil.String(),
		OwnerName: fmt.Sprintf("%s (PID: %d)", hostname(), os.Getpid()),
		Agent: wire.Agent{
			ID: wire.Int(l.settings.AgentID), Name: l.settings.AgentName,
			Version: l.cfg.Version, OSDescription: osLabel(),
		},
	}
	var conflictSince time.Time
	var b backoff
	for {
		var answer wire.Session
		err := l.broker(ctx, call{method: http.MethodPost, url: wire.SessionPath, in: s, out: &answer})
		switch {
		case err == nil && answer.SessionID != "":
			l.cfg.Log.InfoContext(ctx, "listening for jobs", "runner", l.settings.AgentName, "session", answer.SessionID)
			return answer.SessionID, nil
		case err == nil:
			err = errors.New("session: empty answer")
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case l.final(err), errors.Is(err, ErrUnknown):
			return "", err
		case statusOf(err) == http.StatusConflict:
			now := l.cfg.Now()
			if conflictSince.IsZero() {
				conflictSince = now
			}
			if now.Sub(conflictSince) > l.timing.conflict {
				return "", fmt.Errorf("session: another process uses this runner: %w", err)
			}
		}
		if err := l.orphaned(); err != nil {
			return "", err
		}
		if b.next == 0 {
			l.cfg.Log.WarnContext(ctx, "no session yet, will go on trying", "err", err)
		}
		if err := b.after(ctx, err); err != nil {
			return "", err
		}
	}
}

func (r *Runner) closeSession(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err := r.broker(ctx, call{method: http.MethodDelete, url: wire.SessionPath, timeout: closeTimeout})
	if err != nil && !bool(r.settings.Ephemeral) { // the server forgot an ephemeral runner before us
		r.cfg.Log.WarnContext(ctx, "session was not closed", "err", err)
	}
}

// poll waits for a message. It is nil when there was none.
func (r *Runner) poll(ctx context.Context, session, status string) (*wire.Message, error) {
	var m wire.Message
	err := r.broker(ctx, call{
		method: http.MethodGet, timeout: pollTimeout, out: &m,
		url: wire.MessagePath + "?" + r.query(session, status) + "&disableUpdate=true",
	})
	if err != nil || m.MessageType == "" {
		return nil, err
	}
	return &m, nil
}

func (r *Runner) acknowledge(ctx context.Context, session string, req *wire.RunnerJobRequest) error {
	return r.broker(ctx, call{
		method: http.MethodPost, timeout: ackTimeout,
		url: wire.AcknowledgePath + "?" + r.query(session, wire.StatusOnline),
		in:  wire.AcknowledgeRequest{RunnerRequestID: req.RunnerRequestID},
	})
}

func (r *Runner) query(session, status string) string {
	return url.Values{
		"sessionId": {session}, "status": {status}, "runnerVersion": {r.cfg.Version},
		"os": {osLabel()}, "architecture": {archLabel()},
	}.Encode()
}
