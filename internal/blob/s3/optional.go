package s3

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

// Presign implements [blob.Presigner].
func (s *Store) Presign(ctx context.Context, key string, o blob.PresignOptions) (string, bool, error) {
	if s.public == nil {
		return "", false, nil
	}
	if !blob.ValidKey(key) {
		return "", false, blob.ErrNotFound(key)
	}
	query := url.Values{}
	if o.ContentType != "" {
		query.Set("response-content-type", o.ContentType)
	}
	if o.Disposition != "" {
		query.Set("response-content-disposition", o.Disposition)
	}
	u, err := s.public.PresignedGetObject(ctx, s.config.Bucket, s.name(key), max(o.Expires, time.Second), query)
	if err != nil {
		return "", false, errors.New("s3: the URL cannot be signed")
	}
	return u.String(), true, nil
}

// copiers is how many blobs Compose has copied at a time.
const copiers = 8

// Compose implements [blob.Composer]: the server copies each blob into a part of
// the new one.
func (s *Store) Compose(ctx context.Context, keys []string) (blob.Info, error) {
	if len(keys) == 0 || len(keys) > blob.MaxCompose {
		return blob.Info{}, actions.Errorf(actions.Invalid, "%d blobs cannot be composed", len(keys))
	}
	for _, key := range keys {
		if !blob.ValidKey(key) {
			return blob.Info{}, blob.ErrNotFound(key)
		}
	}
	key := blob.NewKey()
	err := s.inParts(ctx, key, func(id string) ([]minio.CompletePart, error) { return s.copyParts(ctx, key, id, keys) })
	if err != nil {
		return blob.Info{}, failed(ctx, key, err)
	}
	info, err := s.core.StatObject(ctx, s.config.Bucket, s.name(key), minio.StatObjectOptions{})
	if err != nil {
		return blob.Info{}, failed(ctx, key, err)
	}
	return blob.Info{Key: key, Size: info.Size, ModTime: info.LastModified}, nil
}

func (s *Store) copyParts(ctx context.Context, key, id string, from []string) ([]minio.CompletePart, error) {
	parts := make([]minio.CompletePart, len(from))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(copiers)
	for i, source := range from {
		group.Go(func() (err error) {
			parts[i], err = s.core.CopyObjectPart(ctx, s.config.Bucket, s.name(source), s.config.Bucket, s.name(key), id, i+1, 0, -1, nil)
			return err
		})
	}
	return parts, group.Wait()
}
