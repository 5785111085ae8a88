package runner

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/understudy-ci/understudy/internal/wire"
)

// maxURLs is how many signed URLs one piece may use up: a URL can expire while
// the server is away.
const maxURLs = 4

// How a piece is uploaded.
type how int

const (
	whole  how = iota // all there is
	first             // the first of several
	middle            // one that is neither first nor last
	final             // the last of several
)

// put uploads p to the URL that url asks for. A URL names the piece, so a
// repetition to the same URL replaces what an attempt has left there.
func (s *sink) put(p *piece, h how, url func() (string, error)) error {
	for try := 1; ; try++ {
		at, err := url()
		if err != nil {
			return err
		}
		if at == "" {
			return errors.New("the server gave no URL for an upload")
		}
		err = s.putAt(at, p, h)
		switch statusOf(err) {
		case http.StatusForbidden, http.StatusNotFound, http.StatusGone:
			if try < maxURLs {
				continue
			}
		}
		return err
	}
}

func (s *sink) putAt(at string, p *piece, h how) error {
	if h == whole {
		return s.putOnce(at, wire.BlockBlob, p)
	}
	if h == first {
		if err := s.putOnce(at, wire.AppendBlob, &piece{data: []byte{}}); err != nil {
			return err
		}
	}
	at += "&" + wire.CompAppendBlock
	if h == final {
		at += "&" + wire.SealQuery
	}
	return s.putOnce(at, "", p)
}

func (s *sink) putOnce(at, blobType string, p *piece) error {
	return s.repeat("upload", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
		defer cancel()
		body, err := p.open()
		if err != nil {
			return forGood(err)
		}
		if p.size == 0 {
			body = http.NoBody
		}
		return s.send(ctx, at, blobType, body, p.size)
	})
}

func (s *sink) send(ctx context.Context, at, blobType string, body io.ReadCloser, size int64) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, at, body)
	if err != nil {
		_ = body.Close()                                                        // never read
		return forGood(errors.New("upload: what the server gave is not a URL")) // err has it, and it may be signed
	}
	req.ContentLength = size
	req.Header.Set("Content-Type", "text/plain")
	if blobType != "" {
		req.Header.Set(wire.BlobTypeHeader, blobType)
	}
	resp, err := s.lease.job.r.http.send(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	discard(resp.Body)
	return nil
}
