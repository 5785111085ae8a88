package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	partSize  = 8 << 20
	maxSingle = 5 << 30 // S3's limit for one PUT
	maxParts  = 10_000  // and for the parts of an object
	// A shorter blob is read first, so that its PUT can be repeated.
	repeatable = 64 << 10
	abortTime  = time.Minute
)

// Put implements [blob.Store].
func (s *Store) Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Info, error) {
	if o.Size > o.Limit {
		return blob.Info{}, blob.ErrTooLarge(o.Limit)
	}
	info := blob.Info{Key: blob.NewKey(), ModTime: s.now()}
	b := &body{ctx: ctx, r: r, limit: o.Limit, declared: o.Size}
	var err error
	if o.Size > repeatable && o.Size <= maxSingle {
		err = s.putWhole(ctx, info.Key, b, o.Size)
	} else {
		err = s.putUnknown(ctx, info.Key, b)
	}
	if b.err != nil {
		return blob.Info{}, b.err
	}
	if err != nil {
		return blob.Info{}, failed(ctx, info.Key, err)
	}
	info.Size = b.n
	return info, nil
}

func (s *Store) putWhole(ctx context.Context, key string, r io.Reader, size int64) error {
	_, err := s.core.Client.PutObject(ctx, s.config.Bucket, s.name(key), r, size, minio.PutObjectOptions{DisableMultipart: true})
	return err
}

// putUnknown reads a part, and sends it alone if there is no more.
func (s *Store) putUnknown(ctx context.Context, key string, b *body) error {
	first, err := readPart(b, make([]byte, 0, repeatable))
	if err != nil {
		return err
	}
	if len(first) < partSize {
		_, err := s.core.PutObject(ctx, s.config.Bucket, s.name(key), bytes.NewReader(first), int64(len(first)), "", digest(first),
			minio.PutObjectOptions{DisableContentSha256: true}) // the signature has the digest
		return err
	}
	return s.inParts(ctx, key, func(id string) ([]minio.CompletePart, error) { return s.putParts(ctx, key, id, first, b) })
}

// readPart fills buf, which grows up to the size of a part. It is shorter only
// where the body ends.
func readPart(b *body, buf []byte) ([]byte, error) {
	for {
		n, err := io.ReadFull(b, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if b.err != nil || err != nil || cap(buf) >= partSize {
			return buf, b.err // any other error is the end
		}
		buf = append(make([]byte, 0, min(8*cap(buf), partSize)), buf...)
	}
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// inParts makes an object of the parts that send has sent, or nothing.
func (s *Store) inParts(ctx context.Context, key string, send func(id string) ([]minio.CompletePart, error)) error {
	bucket, name := s.config.Bucket, s.name(key)
	id, err := s.core.NewMultipartUpload(ctx, bucket, name, minio.PutObjectOptions{})
	if err != nil {
		return err
	}
	parts, err := send(id)
	if err == nil {
		_, err = s.core.CompleteMultipartUpload(ctx, bucket, name, id, parts, minio.PutObjectOptions{})
	}
	if err != nil { // and if this fails, Sweep does it
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		_ = s.core.AbortMultipartUpload(ctx, bucket, name, id)
	}
	return err
}

// putParts sends part, which is full, and what is still to be read.
func (s *Store) putParts(ctx context.Context, key, id string, part []byte, b *body) (parts []minio.CompletePart, err error) {
	for len(part) > 0 {
		if len(parts) == maxParts {
			return nil, blob.ErrTooLarge(partSize * maxParts)
		}
		p, err := s.core.PutObjectPart(ctx, s.config.Bucket, s.name(key), id, len(parts)+1, bytes.NewReader(part), int64(len(part)),
			minio.PutObjectPartOptions{Sha256Hex: digest(part), DisableContentSha256: true})
		if err != nil {
			return nil, err
		}
		parts = append(parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
		if part, err = readPart(b, part[:0]); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// A body is what is put. It fails before its last byte is sent if it is not as
// long as declared, and keeps the reader's error from being lost in a request's.
type body struct {
	ctx             context.Context
	r               io.Reader
	limit, declared int64
	n               int64
	err             error // but not io.EOF
	end             bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil || b.end {
		return 0, b.result()
	}
	n, err := 0, b.ctx.Err()
	if err == nil {
		n, err = b.r.Read(p)
		b.n += int64(n)
	}
	if err == nil && b.declared > 0 && b.n == b.declared {
		err = b.readOn()
	}
	b.end = err == io.EOF //nolint:errorlint // the end, and not a cut
	switch {
	case b.n > b.limit:
		b.err = blob.ErrTooLarge(b.limit)
	case err != nil && !b.end:
		b.err = err
	case b.declared > 0 && (b.n > b.declared || b.end && b.n < b.declared):
		b.err = blob.ErrSize(b.declared)
	}
	if b.err != nil {
		return 0, b.err
	}
	return n, b.result()
}

func (b *body) result() error {
	if b.err == nil && b.end {
		return io.EOF
	}
	return b.err
}

// readOn looks behind the declared end.
func (b *body) readOn() error {
	var one [1]byte
	n, err := io.ReadFull(b.r, one[:])
	b.n += int64(n)
	return err
}
