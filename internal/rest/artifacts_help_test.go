package rest_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/artifact"
	"github.com/understudy-ci/understudy/internal/blob/fs"
	"github.com/understudy-ci/understudy/internal/cache"
	"github.com/understudy-ci/understudy/internal/object"
)

// keep makes what keeps artifacts and caches.
func (s *site) keep(log *slog.Logger, now func() time.Time) {
	s.Helper()
	blobs, err := fs.New(s.TempDir(), fs.Options{Now: now, NoSync: true})
	s.must(err)
	s.blobs = blobs
	s.objects = object.New(object.Config{Store: s.store, Blobs: blobs, Log: log, Now: now})
	s.artifacts = artifact.New(artifact.Config{Store: s.store, Objects: s.objects, Log: log, Now: now, Limits: artifact.DefaultLimits()})
	s.caches = cache.New(cache.Config{Store: s.store, Objects: s.objects, Log: log, Now: now, Limits: cache.DefaultLimits()})
}

// additive sends what GitHub's description does not know past the checker.
type additive struct{ plain, checked http.RoundTripper }

var ours = regexp.MustCompile(`/actions/artifacts/(usage|\d+/files(/.*)?)$`)

// RoundTrip sends a request.
func (a additive) RoundTrip(r *http.Request) (*http.Response, error) {
	if ours.MatchString(r.URL.Path) {
		return a.plain.RoundTrip(r)
	}
	return a.checked.RoundTrip(r)
}

// working is a job that uploads.
func (s *site) working(run *actions.Run) *actions.Job {
	s.Helper()
	return s.addJob(run, func(j *actions.Job) {
		started(j)
		j.Status, j.Conclusion, j.CompletedAt = actions.InProgress, "", time.Time{}
	})
}

// upload makes an artifact of bytes; a content type of "" is an archive's.
func (s *site) upload(j *actions.Job, name, contentType string, body []byte) *actions.Artifact {
	s.Helper()
	art, err := s.artifacts.Create(s.Context(), j, artifact.Upload{Name: name, ContentType: contentType})
	s.must(err)
	s.must(s.objects.PutWhole(s.Context(), art.ObjectID, bytes.NewReader(body), int64(len(body))))
	art, err = s.artifacts.Finalize(s.Context(), j, name, int64(len(body)), "")
	s.must(err)
	return art
}

// archive is a zip file of names and texts in turn.
func (s *site) archive(files ...string) []byte {
	s.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := z.Create(files[i])
		s.must(err)
		_, err = fmt.Fprint(f, files[i+1])
		s.must(err)
	}
	s.must(z.Close())
	return b.Bytes()
}

// dist is an artifact of a repository of its own kind: a run, a job that works.
func (s *site) dist(files ...string) (*actions.Run, *actions.Job, *actions.Artifact) {
	s.Helper()
	run := s.addRun(s.addWorkflow(s.repo, ".github/workflows/ci.yml"), nil)
	j := s.working(run)
	return run, j, s.upload(j, "dist", "", s.archive(files...))
}
