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
func (s *Server) openBlobs(ctx context.Context) (storage, error) {
	if scheme, _, ok := strings.Cut(s.config.Blobs, "://"); ok && scheme != "s3" {
		return storage{}, fmt.Errorf("no storage is reached by %.32q: give a directory, or s3://BUCKET/PREFIX?endpoint=URL", scheme+"://")
	}
	if !strings.HasPrefix(s.config.Blobs, "s3:") {
		dir, err := fs.New(s.config.Blobs, fs.Options{Now: s.now, NoSync: s.config.NoSync})
		if err != nil {
			return storage{}, err
		}
		s.closeBlobs = dir.Close
		return storage{blobs: dir}, nil
	}
	c, err := s3.ParseURL(s.config.Blobs)
	if err != nil {
		return storage{}, err
	}
	bucket, err := s3.New(ctx, c, s.deps.S3, s.now)
	if err != nil {
		return storage{}, err
	}
	s.closeBlobs = bucket.Close
	return storage{blobs: bucket, bucket: true, direct: c.PublicEndpoint != ""}, nil
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
