// Package s3 keeps blobs in a bucket of an S3 server.
//
// A blob is one object, PREFIX + key. The server makes an object visible when
// all of it is there, and durable before it answers: so nothing is relaxed here,
// and [Store.Flush] has nothing to do. The bucket must not keep versions, or
// deleted bytes would stay.
//
// A blob of known length is one streaming PUT of which nothing is held in memory;
// one of unknown length, or of more than a PUT may have, goes in parts of 8 MiB,
// one in memory at a time. An upload in parts that fails is aborted, and one whose
// process died is aborted by [Store.Sweep]: until then its bytes take space and
// are nobody's object.
//
// Requests are signed with [Credentials] that no error, log line or URL repeats.
// A presigned URL holds the access key's id and a signature for one object, as S3
// wants it, and goes to clients only if the operator has said where they reach
// the bucket.
package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	requests = 3  // made of one that may be repeated, until one is answered
	idle     = 32 // connections kept open
)

// A Store is a prefix of a bucket.
type Store struct {
	config Config
	core   *minio.Core
	public *minio.Client // nil when clients do not reach the bucket
	now    func() time.Time
	idle   *http.Transport // for Close
}

var (
	_ blob.Store     = (*Store)(nil)
	_ blob.Presigner = (*Store)(nil)
	_ blob.Composer  = (*Store)(nil)
)

// New opens a bucket, which must exist.
func New(ctx context.Context, c Config, creds Credentials, now func() time.Time) (*Store, error) {
	if creds.AccessKeyID == "" || creds.SecretAccessKey == "" {
		return nil, errors.New("s3: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	s := &Store{config: c, now: now}
	client, transport, err := newClient(c, c.Endpoint, creds)
	if err != nil {
		return nil, err
	}
	s.core, s.idle = &minio.Core{Client: client}, transport
	if c.PublicEndpoint != "" { // which only signs
		if s.public, _, err = newClient(c, c.PublicEndpoint, creds); err != nil {
			return nil, err
		}
	}
	if err := s.check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newClient(c Config, endpoint string, creds Credentials) (*minio.Client, *http.Transport, error) {
	scheme, host, err := parseEndpoint("endpoint", endpoint)
	if err != nil {
		return nil, nil, fmt.Errorf("s3: %w", err)
	}
	secure := scheme == "https"
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, nil, fmt.Errorf("s3: %w", err)
	}
	transport.MaxIdleConnsPerHost = idle
	lookup := minio.BucketLookupDNS
	if c.PathStyle {
		lookup = minio.BucketLookupPath
	}
	client, err := minio.New(host, &minio.Options{
		Creds:  credentials.NewStaticV4(creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken),
		Secure: secure, Transport: transport, Region: c.Region, BucketLookup: lookup, MaxRetries: requests,
	})
	if err != nil {
		return nil, nil, errors.New("s3: bad endpoint")
	}
	return client, transport, nil
}

// check looks whether the bucket can be used. It lists, as the answer to a HEAD
// has no body that would say why not.
func (s *Store) check(ctx context.Context) error {
	for o := range s.core.ListObjectsIter(ctx, s.config.Bucket, minio.ListObjectsOptions{Prefix: s.config.Prefix, MaxKeys: 1}) {
		if o.Err != nil {
			return s.unusable(ctx, o.Err)
		}
		break
	}
	versions, err := s.core.GetBucketVersioning(ctx, s.config.Bucket)
	if err == nil && versions.Enabled() { // who may not ask is believed
		return fmt.Errorf("s3: bucket %q keeps versions, so that deleted blobs would stay: use one that does not", s.config.Bucket)
	}
	return nil
}

// unusable says what to do about a bucket that cannot be listed.
func (s *Store) unusable(ctx context.Context, err error) error {
	at := fmt.Sprintf("bucket %q at %s", s.config.Bucket, s.config.Endpoint)
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	err = failed(ctx, at, err)
	switch {
	case ok && answer.Code == minio.NoSuchBucket:
		return fmt.Errorf("s3: there is no %s: create it, for example with: aws s3 mb s3://%s --endpoint-url %s", at, s.config.Bucket, s.config.Endpoint)
	case ok && (answer.Code == "SignatureDoesNotMatch" || answer.Code == "InvalidAccessKeyId"):
		return fmt.Errorf("s3: %s: the server refuses the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", at)
	case ok && answer.StatusCode < http.StatusInternalServerError:
		return fmt.Errorf("%w: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, that they may list, read, write and delete there, and the region %s",
			err, s.config.Region)
	case actions.KindOf(err) == actions.Unavailable:
		return fmt.Errorf("%w: check the endpoint, and that a server answers there", err)
	}
	return err
}

// Close closes connections that nobody uses.
func (s *Store) Close() error {
	s.idle.CloseIdleConnections()
	return nil
}

func (s *Store) name(key string) string { return s.config.Prefix + key }

// key is the key of the object of a name, "" if it has none.
func (s *Store) key(name string) string {
	key, ok := strings.CutPrefix(name, s.config.Prefix)
	if !ok || !blob.ValidKey(key) {
		return ""
	}
	return key
}

// Flush implements [blob.Store]: what Put has taken is durable.
func (*Store) Flush(_ context.Context, keys ...string) error {
	for _, key := range keys {
		if !blob.ValidKey(key) {
			return blob.ErrNotFound(key)
		}
	}
	return nil
}

// Delete implements [blob.Store].
func (s *Store) Delete(ctx context.Context, key string) error {
	if !blob.ValidKey(key) {
		return nil
	}
	err := s.core.RemoveObject(ctx, s.config.Bucket, s.name(key), minio.RemoveObjectOptions{})
	if err = failed(ctx, key, err); actions.KindOf(err) == actions.NotFound {
		return nil
	}
	return err
}

// List implements [blob.Store].
func (s *Store) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		options := minio.ListObjectsOptions{Prefix: s.config.Prefix, Recursive: true}
		for o := range s.core.ListObjectsIter(ctx, s.config.Bucket, options) {
			if o.Err != nil {
				yield(blob.Info{}, failed(ctx, "list", o.Err))
				return
			}
			key := s.key(o.Key)
			if key != "" && !yield(blob.Info{Key: key, Size: o.Size, ModTime: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, err)
		}
	}
}

// Sweep implements [blob.Store]: it aborts uploads in parts that began before
// the given time.
func (s *Store) Sweep(ctx context.Context, before time.Time) error {
	var afterKey, afterID string
	for {
		page, err := s.core.ListMultipartUploads(ctx, s.config.Bucket, s.config.Prefix, afterKey, afterID, "", 0)
		if err != nil {
			return failed(ctx, "sweep", err)
		}
		for _, u := range page.Uploads {
			if s.key(u.Key) == "" || !u.Initiated.Before(before) {
				continue
			}
			err := failed(ctx, "sweep", s.core.AbortMultipartUpload(ctx, s.config.Bucket, u.Key, u.UploadID))
			if err != nil && actions.KindOf(err) != actions.NotFound {
				return err
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == "" {
			return nil
		}
		afterKey, afterID = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// Writable implements [blob.Store] with a blob that is put and deleted. What it
// leaves when it is cut off has no row, and is found as all that.
func (s *Store) Writable(ctx context.Context) error {
	info, err := s.Put(ctx, strings.NewReader("probe"), blob.PutOptions{Limit: repeatable})
	if err != nil {
		return err
	}
	return s.Delete(ctx, info.Key)
}

// failed makes an error of one of the client. It repeats the code with which the
// server answered, or why it did not, and nothing of the request.
func failed(ctx context.Context, what string, err error) error {
	if err == nil {
		return nil
	}
	if e := ctx.Err(); e != nil {
		return fmt.Errorf("s3: %s: %w", what, e)
	}
	if actions.KindOf(err) != actions.Internal {
		return err
	}
	if answer, ok := errors.AsType[minio.ErrorResponse](err); ok {
		kind := actions.Internal
		switch status := answer.StatusCode; {
		case answer.Code == minio.NoSuchBucket: // somebody has to look
		case answer.Code == minio.NoSuchKey, status == http.StatusNotFound:
			kind = actions.NotFound
		case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
			kind = actions.Unavailable
		case answer.Code == "EntityTooSmall":
			kind = actions.Invalid
		}
		err := actions.Errorf(kind, "s3: %s: the server answered %d %.64q", what, answer.StatusCode, answer.Code)
		if kind == actions.Unavailable {
			err = blob.Unavailable("the store of blobs is not ready", err)
		}
		return err
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the URL
	}
	return blob.Unavailable("the store of blobs does not answer", fmt.Errorf("s3: %s: %w", what, err))
}
