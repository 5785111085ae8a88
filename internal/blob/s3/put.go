package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	info := blob.Info{Key: blob.NewKey(), ModTime: s.now()}
	b := &body{ctx: ctx, r: r, limit: o.Limit, declared: o.Size}
	var err error
	if o.Size > repeatable && o.Size <= min(o.Limit, maxSingle) {
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
	var first bytes.Buffer // grows with what comes
	_, err := io.CopyN(&first, b, partSize)
	if errors.Is(err, io.EOF) {
		content := first.Bytes()
		_, err = s.core.PutObject(ctx, s.config.Bucket, s.name(key), bytes.NewReader(content), int64(len(content)), "", digest(content),
			minio.PutObjectOptions{DisableContentSha256: true}) // the signature has the digest
	}
	if err != nil || first.Len() < partSize {
		return err
	}
	return s.inParts(ctx, key, func(id string) ([]minio.CompletePart, error) {
		return s.putParts(ctx, key, id, first.Bytes(), b)
	})
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

// putParts sends buf, which is full, and what is still to be read, through buf.
func (s *Store) putParts(ctx context.Context, key, id string, buf []byte, r io.Reader) ([]minio.CompletePart, error) {
	var parts []minio.CompletePart
	for n := len(buf); n > 0; {
		if len(parts) == maxParts {
			return nil, blob.ErrTooLarge(partSize * maxParts)
		}
		p, err := s.core.PutObjectPart(ctx, s.config.Bucket, s.name(key), id, len(parts)+1, bytes.NewReader(buf[:n]), int64(n),
			minio.PutObjectPartOptions{Sha256Hex: digest(buf[:n]), DisableContentSha256: true})
		if err != nil {
			return nil, err
		}
		parts = append(parts, minio.CompletePart{PartNumber: p.PartNumber, ETag: p.ETag})
		if n, err = io.ReadFull(r, buf); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
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
