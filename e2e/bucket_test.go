package e2e_test

import (
	"path/filepath"

	"github.com/understudy-ci/understudy/internal/blob/s3/s3test"
)

// inBucket makes the server, which has not started, keep its bytes in a bucket
// of an S3 server of its own, and returns the directory where that keeps them.
func (s *server) inBucket() (dir string) {
	s.t.Helper()
	s3 := s3test.Start(s.t)
	s.args = append(s.args, "--blobs", s3.URL("understudy", false))
	s.env = append(s.env, s3.Env()...)
	return filepath.Join(s3.Dir, s3test.Bucket)
}
