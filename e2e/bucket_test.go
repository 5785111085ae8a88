package e2e_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
)

// inBucket makes the server, which has not started, keep its bytes in a bucket
// of an S3 server of its own, and returns the directory where that keeps them.
func (s *server) inBucket() (dir string) {
	s.t.Helper()
	gateway := os.Getenv("UNDERSTUDY_TEST_S3_SERVER")
	if gateway == "" {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_S3") != "" {
			s.t.Fatal("UNDERSTUDY_TEST_S3_SERVER names no S3 server")
		}
		s.t.Skip("UNDERSTUDY_TEST_S3_SERVER names no S3 server")
	}
	root, address := s.t.TempDir(), freeAddress(s.t)
	dir = filepath.Join(root, "bucket")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	logFile := filepath.Join(s.t.TempDir(), "s3.log")
	log, err := os.Create(logFile)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close() // the child has its own
	p := &process{exec.Command(gateway, "--port", address, "posix", root), make(chan struct{})} //nolint:noctx // its end is a matter of the test
	p.cmd.Env = append(environment(s.t), "ROOT_ACCESS_KEY=test", "ROOT_SECRET_KEY=testsecret")
	p.cmd.Stdout, p.cmd.Stderr = log, log
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the state tells
	}()
	s.t.Cleanup(p.kill)
	until(s.t, "the S3 server does not answer", func() bool {
		req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+address+"/", http.NoBody)
		if err != nil {
			s.t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		return err == nil && res.Body.Close() == nil
	})
	s.args = append(s.args, "--blobs", "s3://bucket/understudy?endpoint=http://"+address+"&region=us-east-1")
	s.env = append(s.env, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=testsecret")
	return dir
}
