package artifactcli

import (
	"context"
	"net/url"
	"sync"
	"time"
)

// urlLife is how long a signed URL is used: it is good for a minute.
const urlLife = 45 * time.Second

// A source knows by which signed URL an artifact's bytes can be read now.
type source struct {
	c   *Client
	art *Artifact

	asking chan struct{} // holds one token: who has it may ask for a new URL

	mu    sync.Mutex
	url   *url.URL // nil when a new one is needed
	since time.Time
}

func newSource(c *Client, a *Artifact) *source {
	s := &source{c: c, art: a, asking: make(chan struct{}, 1)}
	s.asking <- struct{}{}
	return s
}

func (s *source) known() *url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c.now().Sub(s.since) > urlLife {
		return nil
	}
	return s.url
}

// location returns a signed URL, which it asks for where there is none that is
// fresh. Of several callers one asks.
func (s *source) location(ctx context.Context) (*url.URL, error) {
	if u := s.known(); u != nil {
		return u, nil
	}
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.asking:
	}
	defer func() { s.asking <- struct{}{} }()
	if u := s.known(); u != nil {
		return u, nil
	}
	since := s.c.now()
	to, err := s.c.api.Location(ctx, s.c.path(artifactPath(s.art.ID)+"/zip"))
	if err != nil {
		return nil, s.c.explain(s.art.String(), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url, s.since = to, since
	return to, nil
}

// stale is called when a URL was refused or led nowhere.
func (s *source) stale(u *url.URL) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url == u {
		s.url = nil
	}
}
