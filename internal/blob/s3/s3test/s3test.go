// Package s3test runs an S3 server for tests.
package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/understudy-ci/understudy/internal/blob/s3"
)

// Bucket is the bucket that the server has.
const Bucket = "understudy-test"

// A Server is a process that keeps objects as files of a directory.
type Server struct {
	Endpoint    string // http://127.0.0.1:PORT
	Credentials s3.Credentials
	Dir         string // of the files; those of the bucket are in Dir/BUCKET
	versions    string // for buckets that keep versions
	process     *os.Process
	exited      chan struct{}
}

// Start starts versitygw, which ends with the test. The environment names the
// program: UNDERSTUDY_TEST_S3_SERVER. Without it the test is skipped, or fails if
// UNDERSTUDY_TEST_REQUIRE_S3 is set.
func Start(t testing.TB) *Server {
	t.Helper()
	program := os.Getenv("UNDERSTUDY_TEST_S3_SERVER")
	if program == "" {
		if os.Getenv("UNDERSTUDY_TEST_REQUIRE_S3") != "" {
			t.Fatal("UNDERSTUDY_TEST_S3_SERVER is not set")
		}
		t.Skip("UNDERSTUDY_TEST_S3_SERVER names no S3 server; make test does")
	}
	s := &Server{
		Dir: t.TempDir(), versions: t.TempDir(),
		Credentials: s3.Credentials{AccessKeyID: "understudy-access", SecretAccessKey: "a-secret-that-must-not-be-seen"},
	}
	for range 5 { // another process may have taken the port
		err := s.start(t, program)
		if err == nil {
			break
		}
		t.Log(err)
	}
	if s.Endpoint == "" {
		t.Fatal("the S3 server does not start")
	}
	if err := s.makeBucket(t.Context(), Bucket); err != nil {
		t.Fatal(err)
	}
	return s
}

// startTime bounds how long the server may take to start.
const startTime = 30 * time.Second

func (s *Server) start(t testing.TB, program string) error {
	t.Helper()
	addr, err := freePort(t.Context())
	if err != nil {
		return err
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "--port", addr, "--quiet", "--keep-alive",
		"posix", "--versioning-dir", s.versions, s.Dir)
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY_ID="+s.Credentials.AccessKeyID, "ROOT_SECRET_ACCESS_KEY="+s.Credentials.SecretAccessKey)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() { // ends with the process
		defer close(exited)
		_ = cmd.Wait()
	}()
	s.process, s.exited = cmd.Process, exited
	t.Cleanup(func() { kill(cmd.Process, exited) })
	ctx, cancel := context.WithTimeout(t.Context(), startTime)
	defer cancel()
	if err := answers(ctx, addr, exited); err != nil {
		kill(cmd.Process, exited)
		return fmt.Errorf("%w: %s", err, output.Bytes())
	}
	s.Endpoint = "http://" + addr
	return nil
}

func freePort(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers returns once somebody listens at addr.
func answers(ctx context.Context, addr string, exited <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", addr); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-exited:
			return errors.New("the S3 server has exited")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func kill(p *os.Process, exited <-chan struct{}) {
	_ = p.Kill() // it may be gone
	<-exited
}

// Stop kills the server; then nobody answers at its port.
func (s *Server) Stop() { kill(s.process, s.exited) }

// Freeze stops the server without an end: it takes connections and says nothing,
// until Thaw.
func (s *Server) Freeze(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGSTOP)
}

// Thaw lets it go on.
func (s *Server) Thaw(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGCONT)
}

func (s *Server) signal(t testing.TB, which os.Signal) {
	t.Helper()
	if err := s.process.Signal(which); err != nil {
		t.Fatal(err)
	}
}

// Client is a client of the server with all rights.
func (s *Server) Client() (*minio.Client, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil {
		return nil, err
	}
	return minio.New(u.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(s.Credentials.AccessKeyID, s.Credentials.SecretAccessKey, ""),
		Region: "us-east-1", BucketLookup: minio.BucketLookupPath,
	})
}

func (s *Server) makeBucket(ctx context.Context, name string) error {
	c, err := s.Client()
	if err != nil {
		return err
	}
	return c.MakeBucket(ctx, name, minio.MakeBucketOptions{})
}

// URL is where blobs are, for s3.ParseURL, with a prefix of the bucket. With
// presign, clients are sent to the server itself.
func (s *Server) URL(prefix string, presign bool) string {
	query := url.Values{"endpoint": {s.Endpoint}}
	if presign {
		query.Set("public-endpoint", s.Endpoint)
	}
	return "s3://" + Bucket + "/" + prefix + "?" + query.Encode()
}

// Env is what a process that uses the server needs in its environment.
func (s *Server) Env() []string {
	return []string{"AWS_ACCESS_KEY_ID=" + s.Credentials.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + s.Credentials.SecretAccessKey}
}

// Open opens a store at a prefix of the bucket.
func (s *Server) Open(t testing.TB, prefix string) *s3.Store {
	t.Helper()
	c, err := s3.ParseURL(s.URL(prefix, false))
	if err != nil {
		t.Fatal(err)
	}
	store, err := s3.New(t.Context(), c, s.Credentials, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}
