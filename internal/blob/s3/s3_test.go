package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	"github.com/understudy-ci/understudy/internal/blob/s3"
	"github.com/understudy-ci/understudy/internal/blob/s3/s3test"
)

func TestSuite(t *testing.T) {
	server, n := s3test.Start(t), 0
	blobtest.Run(t, func(t *testing.T) blob.Store {
		n++
		return server.Open(t, fmt.Sprintf("suite/%d", n))
	})
}

func TestBlobsOfOnePrefixOnly(t *testing.T) {
	server := s3test.Start(t)
	a, b, whole := server.Open(t, "a"), server.Open(t, "ab"), server.Open(t, "")
	blobtest.Put(t, a, "in a")
	key := blobtest.Put(t, b, "in ab")
	blobtest.WantNotFound(t, a, key)
	if got := len(blobtest.Keys(t, a)); got != 1 {
		t.Errorf("a has %d blobs, want 1", got)
	}
	if got := len(blobtest.Keys(t, whole)); got != 0 { // what is below is not its own
		t.Errorf("the bucket has %d blobs, want 0", got)
	}
	blobtest.Put(t, whole, "at the top")
	if got := len(blobtest.Keys(t, whole)); got != 1 {
		t.Errorf("the bucket has %d blobs, want 1", got)
	}
}

func TestListHasMoreThanOnePage(t *testing.T) {
	if testing.Short() {
		t.Skip("1,001 objects")
	}
	s := s3test.Start(t).Open(t, "pages")
	for range 1001 {
		blobtest.Put(t, s, "")
	}
	if got := len(blobtest.Keys(t, s)); got != 1001 {
		t.Errorf("%d blobs are listed, want 1001", got)
	}
}

// uploads counts uploads in parts that have not ended.
func uploads(t *testing.T, server *s3test.Server) int {
	t.Helper()
	c, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	page, err := (minio.Core{Client: c}).ListMultipartUploads(t.Context(), s3test.Bucket, "", "", "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Uploads)
}

// Threat: bytes that nobody owns.
func TestFailedUploadInPartsIsAborted(t *testing.T) {
	server := s3test.Start(t)
	s := server.Open(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	boom := errors.New("boom")
	for _, c := range []struct {
		ctx  context.Context
		tail io.Reader
		want func(error) bool
	}{
		{t.Context(), iotest.ErrReader(boom), func(err error) bool { return errors.Is(err, boom) }},
		{t.Context(), strings.NewReader(strings.Repeat("x", 9<<20)), func(err error) bool { return actions.KindOf(err) == actions.Invalid }},
		{ctx, readFunc(func() { cancel() }), func(err error) bool { return errors.Is(err, context.Canceled) }},
	} {
		r := io.MultiReader(bytes.NewReader(make([]byte, 17<<20)), c.tail)
		if _, err := s.Put(c.ctx, r, blob.PutOptions{Limit: 25 << 20}); !c.want(err) {
			t.Errorf("got %v", err)
		}
	}
	if got := uploads(t, server); got != 0 {
		t.Errorf("%d uploads are left", got)
	}
	if got := blobtest.Keys(t, s); len(got) != 0 {
		t.Errorf("listed: %v", got)
	}
}

// readFunc is a reader of zeros that calls a function each time.
type readFunc func()

func (f readFunc) Read(p []byte) (int, error) { f(); return len(p), nil }

func TestSweepAbortsOldUploadsOfItsPrefixOnly(t *testing.T) {
	server := s3test.Start(t)
	s := server.Open(t, "ours")
	c, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	core := minio.Core{Client: c}
	for _, name := range []string{"ours/" + blob.NewKey(), "theirs/" + blob.NewKey(), "ours/not-a-key"} {
		id, err := core.NewMultipartUpload(t.Context(), s3test.Bucket, name, minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = core.PutObjectPart(t.Context(), s3test.Bucket, name, id, 1, strings.NewReader("part"), 4, minio.PutObjectPartOptions{})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		before time.Time
		want   int
	}{{time.Now().Add(-time.Hour), 3}, {time.Now().Add(time.Hour), 2}} {
		if err := s.Sweep(t.Context(), c.before); err != nil {
			t.Fatal(err)
		}
		if got := uploads(t, server); got != c.want {
			t.Errorf("%d uploads are left, want %d", got, c.want)
		}
	}
}

// Threat: deleted object, bytes really gone.
func TestDeletedBytesAreNowhereInTheBucket(t *testing.T) {
	server := s3test.Start(t)
	s := server.Open(t, "")
	const secret = "a deleted secret"
	for _, content := range []string{secret, strings.Repeat(secret, 1<<20)} {
		if err := s.Delete(t.Context(), blobtest.Put(t, s, content)); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(server.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s holds deleted bytes", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestKnownLengthIsNotBuffered puts 64 MiB and looks at what it has allocated.
func TestKnownLengthIsNotBuffered(t *testing.T) {
	s := s3test.Start(t).Open(t, "")
	const n = 64 << 20
	for size, most := range map[int64]uint64{n: 8 << 20, 0: 32 << 20} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.Put(t.Context(), io.LimitReader(readFunc(func() {}), n), blob.PutOptions{Limit: n, Size: size})
		runtime.ReadMemStats(&after)
		if err != nil {
			t.Fatal(err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("declared %d: allocated %d bytes, want at most %d", size, got, most)
		}
	}
}

func TestSequentialReadIsOneRequest(t *testing.T) {
	server := s3test.Start(t)
	gets := 0
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			gets++
		}
		forward(t, server, w, r)
	}))
	defer proxy.Close()
	c, err := s3.ParseURL("s3://" + s3test.Bucket + "?endpoint=" + proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	s, err := s3.New(t.Context(), c, server.Credentials, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	gets = 0 // without those by which New has looked at the bucket
	content := strings.Repeat("0123456789", 100_000)
	o, err := s.Open(t.Context(), blobtest.Put(t, server.Open(t, ""), content))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if gets != 0 {
		t.Errorf("Open made %d requests for the content", gets)
	}
	for _, c := range []struct {
		seek int64
		want int
	}{{0, 1}, {100_000, 1}, {250_000, 1}, {900_000, 2}, {10, 3}} {
		if _, err := o.Seek(c.seek, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100_000)
		if _, err := io.ReadFull(o, got); err != nil || string(got) != content[c.seek:c.seek+100_000] {
			t.Errorf("from %d: %v, or other bytes", c.seek, err)
		}
		if gets != c.want {
			t.Errorf("from %d: %d requests so far, want %d", c.seek, gets, c.want)
		}
	}
}

// forward passes a request on with the Host that was signed.
func forward(t *testing.T, server *s3test.Server, w http.ResponseWriter, r *http.Request) {
	t.Helper()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, server.Endpoint+r.URL.RequestURI(), r.Body)
	if err != nil {
		t.Error(err)
		return
	}
	out.Header, out.Host, out.ContentLength = r.Header, r.Host, r.ContentLength
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer answer.Body.Close()
	maps.Copy(w.Header(), answer.Header)
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body) // the reader may leave
}

func TestUnreachableServerIsUnavailable(t *testing.T) {
	server := s3test.Start(t)
	s := server.Open(t, "")
	key := blobtest.Put(t, s, "content")
	server.Stop()
	var wg sync.WaitGroup // each waits and tries again
	for name, do := range map[string]func() error{
		"put": func() error {
			_, err := s.Put(t.Context(), strings.NewReader("x"), blob.PutOptions{Limit: 1})
			return err
		},
		"large put": func() error {
			_, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 1<<20)), blob.PutOptions{Limit: 1 << 20, Size: 1 << 20})
			return err
		},
		"open": func() error {
			_, err := s.Open(t.Context(), key)
			return err
		},
		"probe":  func() error { return s.Writable(t.Context()) },
		"list":   func() error { return listError(t, s) },
		"delete": func() error { return s.Delete(t.Context(), key) },
		"sweep":  func() error { return s.Sweep(t.Context(), time.Now()) },
	} {
		wg.Go(func() {
			err := do()
			if actions.KindOf(err) != actions.Unavailable {
				t.Errorf("%s: got %v, want Unavailable", name, err)
			}
			wantNoSecret(t, server, name, err)
		})
	}
	wg.Wait()
}

func listError(t *testing.T, s blob.Store) (last error) {
	t.Helper()
	for _, err := range s.List(t.Context()) {
		last = err
	}
	return last
}
