package server

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/blob/s3"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/logs"
	"github.com/understudy-ci/understudy/internal/object"
)

// S3Credentials sign requests to a bucket. They never print.
type S3Credentials = s3.Credentials

// A storage is where bytes are kept.
type storage struct {
	blobs  blob.Store
	bucket bool // of an S3 server
	direct bool // clients download from it
}

// openBlobs opens what --blobs names.
func (s *Server) openBlobs(ctx context.Context) (in storage, err error) {
	in, s.closeBlobs, err = openStorage(ctx, s.config.Blobs, s.deps, s.config.NoSync)
	return in, err
}

// openStorage opens a directory, or a bucket. Nothing need be closed where it fails.
func openStorage(ctx context.Context, at string, d Deps, noSync bool) (in storage, closing func() error, err error) {
	if scheme, _, ok := strings.Cut(at, "://"); ok && scheme != "s3" {
		return storage{}, nil, fmt.Errorf("no storage is reached by %.32q: give a directory, or s3://BUCKET/PREFIX?endpoint=URL", scheme+"://")
	}
	if !strings.HasPrefix(at, "s3:") {
		dir, err := fs.New(at, fs.Options{Now: d.Now, NoSync: noSync})
		if err != nil {
			return storage{}, nil, err
		}
		return storage{blobs: dir}, dir.Close, nil
	}
	c, err := s3.ParseURL(at)
	if err != nil {
		return storage{}, nil, err
	}
	bucket, err := s3.New(ctx, c, d.S3, d.Now)
	if err != nil {
		return storage{}, nil, err
	}
	return storage{blobs: bucket, bucket: true, direct: c.PublicEndpoint != ""}, bucket.Close, nil
}

// keep makes the services that keep what jobs produce: logs, artifacts and
// caches. A SQLite database has one server, and so do its blobs; with PostgreSQL
// there may be several.
func (s *Server) keep(in storage) {
	c, d := s.config, s.deps
	if d.Blobs != nil {
		in.blobs = d.Blobs(in.blobs)
	}
	s.blobs = in.blobs
	s.watchHealth(in)
	alone := strings.HasPrefix(c.Database, "sqlite:")
	s.logs = logs.New(logs.Config{
		Store: s.store, Blobs: in.blobs, Log: s.log, Now: s.now, Limits: d.Limits.Logs,
		Dir: filepath.Join(c.Data, "live"), Outages: s.outages, Settings: s.settings,
	})
	s.objects = object.New(object.Config{
		Store: s.store, Blobs: in.blobs, Log: s.log, Now: s.now, Exclusive: alone, Compose: in.direct, Limits: d.Limits.Objects,
	})
	limits := artifact.DefaultLimits()
	limits.PerJob = cmp.Or(d.Limits.JobArtifacts, limits.PerJob)
	limits.Bytes, limits.Quota = int64(c.ArtifactSize), int64(c.ArtifactQuota)
	s.artifacts = artifact.New(artifact.Config{Store: s.store, Objects: s.objects, Settings: s.settings, Log: s.log, Now: s.now, Limits: limits})
	s.caches = cache.New(cache.Config{
		Store: s.store, Objects: s.objects, Settings: s.settings, Log: s.log, Now: s.now,
		Limits: cache.Limits{PerMinute: d.Limits.CachesPerMinute},
	})
}
