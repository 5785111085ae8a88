package s3

import (
	"context"
	"errors"
	"io"

	"github.com/minio/minio-go/v7"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

// near is how far ahead a reader goes on instead of asking anew.
const near = 64 << 10

// An object is an open blob. Reading on costs no request; the first read after a
// jump costs one.
type object struct {
	ctx   context.Context // of Open
	store *Store
	key   string
	size  int64
	at    int64         // where the next Read begins
	body  io.ReadCloser // from at to the end; nil until it is needed
}

// Open implements [blob.Store].
func (s *Store) Open(ctx context.Context, key string) (blob.Object, error) {
	if !blob.ValidKey(key) {
		return nil, blob.ErrNotFound(key)
	}
	info, err := s.core.StatObject(ctx, s.config.Bucket, s.name(key), minio.StatObjectOptions{})
	if err != nil {
		return nil, notFound(key, failed(ctx, key, err))
	}
	return &object{ctx: ctx, store: s, key: key, size: info.Size}, nil
}

func notFound(key string, err error) error {
	if actions.KindOf(err) == actions.NotFound {
		return blob.ErrNotFound(key)
	}
	return err
}

func (o *object) Size() int64 { return o.size }

func (o *object) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if o.body == nil {
		if err := o.request(); err != nil {
			return 0, err
		}
	}
	n, err := o.body.Read(p[:min(int64(len(p)), o.size-o.at)])
	o.at += int64(n)
	switch {
	case err == nil, o.at == o.size:
		return n, nil
	case errors.Is(err, io.EOF):
		err = io.ErrUnexpectedEOF
	}
	_ = o.Close()
	return n, failed(o.ctx, o.key, err)
}

// request asks for the blob from where Read begins.
func (o *object) request() error {
	var options minio.GetObjectOptions
	if o.at > 0 {
		if err := options.SetRange(o.at, 0); err != nil {
			return err
		}
	}
	body, _, _, err := o.store.core.GetObject(o.ctx, o.store.config.Bucket, o.store.name(o.key), options)
	if err != nil {
		return notFound(o.key, failed(o.ctx, o.key, err))
	}
	o.body = body
	return nil
}

func (o *object) Seek(offset int64, whence int) (int64, error) {
	to, err := blob.SeekTo(o.at, o.size, offset, whence)
	if err != nil || to == o.at {
		return to, err
	}
	if skip := to - o.at; o.body == nil || to > o.size || skip < 0 || skip > near || !o.skip(skip) {
		_ = o.Close()
	}
	o.at = to
	return to, nil
}

func (o *object) skip(n int64) bool {
	_, err := io.CopyN(io.Discard, o.body, n)
	return err == nil
}

func (o *object) Close() error {
	if o.body == nil {
		return nil
	}
	body := o.body
	o.body = nil
	return body.Close()
}
