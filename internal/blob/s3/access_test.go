package s3_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/minio/minio-go/v7"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	"github.com/understudy-ci/understudy/internal/blob/s3"
	"github.com/understudy-ci/understudy/internal/blob/s3/s3test"
)

func TestURLIsRead(t *testing.T) {
	for text, want := range map[string]s3.Config{
		"s3://bucket": {Bucket: "bucket", Endpoint: "https://s3.us-east-1.amazonaws.com", Region: "us-east-1"},
		"s3://bucket/ci/blobs/?region=eu-central-1": {
			Bucket: "bucket", Prefix: "ci/blobs/", Endpoint: "https://s3.eu-central-1.amazonaws.com", Region: "eu-central-1",
		},
		"s3://b-1.c?endpoint=http://127.0.0.1:9000/&public-endpoint=https://s3.example": {
			Bucket: "b-1.c", Endpoint: "http://127.0.0.1:9000", Region: "us-east-1", PathStyle: true, PublicEndpoint: "https://s3.example",
		},
		"s3://bucket?endpoint=https://s3.example&path-style=false": {Bucket: "bucket", Endpoint: "https://s3.example", Region: "us-east-1"},
	} {
		got, err := s3.ParseURL(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", text, err, diff)
		}
	}
}

// Threat: storage credentials visible in an error.
func TestBadURLIsRefusedAndNotRepeated(t *testing.T) {
	for _, text := range []string{
		"", "hunter2", "http://bucket", "s3:hunter2", "s3:///hunter2", "s3://AKIA:hunter2@bucket", "s3://hunter2@bucket/x",
		"s3://bucket:hunter2", "s3://Bucket", "s3://b", "s3://bucket/../x", "s3://bucket/a//b", "s3://bucket/%00", "s3://bucket/hunter2 x",
		"s3://bucket?endpoint=hunter2", "s3://bucket?endpoint=http://AKIA:hunter2@host", "s3://bucket?endpoint=http://host/hunter2",
		"s3://bucket?endpoint=http://host?key=hunter2", "s3://bucket?endpoint=ftp://hunter2", "s3://bucket?endpoint=http://h:hunter2",
		"s3://bucket?endpoint=http://a&endpoint=http://hunter2", "s3://bucket?public-endpoint=http://x:hunter2@h",
		"s3://bucket?path-style=hunter2", "s3://bucket?region=hunter2/../x", "s3://bucket?secret_access_key=hunter2", "s3://bucket?x=%zzhunter2",
		"s3://bucket#hunter2", "s3://bucket/" + strings.Repeat("a", 600),
	} {
		c, err := s3.ParseURL(text)
		if err == nil {
			t.Errorf("%s was read as %+v", text, c)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error repeats it: %v", text, err)
		}
	}
}

// Threat: storage credentials visible in a log.
func TestCredentialsDoNotPrint(t *testing.T) {
	c := s3.Credentials{AccessKeyID: "hunter1", SecretAccessKey: "hunter2", SessionToken: "hunter3"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "x", "credentials", c, "pointer", &c)
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %q %v %#v", c, c, c, c, c, &c, struct{ C s3.Credentials }{c})
	if strings.Contains(text, "hunter") {
		t.Errorf("printed: %s", text)
	}
}

// wantNoSecret fails the test if an error tells what requests are signed with.
func wantNoSecret(t *testing.T, server *s3test.Server, what string, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v", err, err)
	for _, secret := range []string{server.Credentials.SecretAccessKey, server.Credentials.AccessKeyID, "Signature", "X-Amz"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s: the error tells %q: %v", what, secret, err)
		}
	}
}

func openWith(t *testing.T, url string, c s3.Credentials) (*s3.Store, error) {
	t.Helper()
	config, err := s3.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return s3.New(t.Context(), config, c, time.Now)
}

// Threat: storage credentials visible in an error.
func TestUnusableBucketIsRefusedAtOnce(t *testing.T) {
	server := s3test.Start(t)
	url := server.URL("", false)
	wrong := server.Credentials
	wrong.SecretAccessKey = "another-secret"
	unknown := wrong
	unknown.AccessKeyID = "nobody"
	versioned(t, server, "versioned")
	for _, c := range []struct {
		name, url string
		creds     s3.Credentials
		want      string
	}{
		{"no bucket", strings.Replace(url, s3test.Bucket, "missing", 1), server.Credentials, "there is no bucket"},
		{"wrong secret", url, wrong, "refuses the credentials: check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{"wrong key", url, unknown, "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
		{"no credentials", url, s3.Credentials{}, "AWS_ACCESS_KEY_ID"},
		{"versions", strings.Replace(url, s3test.Bucket, "versioned", 1), server.Credentials, "versions"},
		{"nobody there", "s3://bucket?endpoint=http://127.0.0.1:1", server.Credentials, "refused: check the endpoint, and that a server answers there"},
	} {
		_, err := openWith(t, c.url, c.creds)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
		wantNoSecret(t, server, c.name, err)
		if err != nil && strings.Contains(err.Error(), wrong.SecretAccessKey) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// Threat: storage credentials visible in an error.
func TestEndpointWithCredentialsIsRefusedHoweverItComes(t *testing.T) {
	c := s3.Config{Bucket: "bucket", Region: "us-east-1", Endpoint: "http://hunter1:hunter2@127.0.0.1:1"}
	_, err := s3.New(t.Context(), c, s3.Credentials{AccessKeyID: "hunter3", SecretAccessKey: "hunter4"}, time.Now)
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Errorf("got %v", err)
	}
}

func versioned(t *testing.T, server *s3test.Server, bucket string) {
	t.Helper()
	c, err := server.Client()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.EnableVersioning(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
}

// Threat: storage credentials visible in an error that the server makes.
func TestAnswerOfTheServerIsNotRepeated(t *testing.T) {
	server := s3test.Start(t)
	var status int
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status == 0 {
			forward(t, server, w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>Odd</Code><Message>%s %s</Message><StringToSign>%[2]s</StringToSign></Error>",
			server.Credentials.SecretAccessKey, r.Header.Get("Authorization"))
	}))
	defer hostile.Close()
	s, err := openWith(t, "s3://"+s3test.Bucket+"?endpoint="+hostile.URL, server.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	key := blobtest.Put(t, s, "content")
	for code, want := range map[int]actions.Kind{400: actions.Internal, 403: actions.Internal, 429: actions.Unavailable, 503: actions.Unavailable, 507: actions.Unavailable} {
		status = code
		var wg sync.WaitGroup // each waits and tries again
		for name, do := range map[string]func() error{
			"put": func() error {
				_, err := s.Put(t.Context(), bytes.NewReader(make([]byte, 100_000)), blob.PutOptions{Limit: 1 << 20, Size: 100_000})
				return err
			},
			"delete": func() error { return s.Delete(t.Context(), key) },
			"list":   func() error { return listError(t, s) },
		} {
			wg.Go(func() {
				err := do()
				if actions.KindOf(err) != want {
					t.Errorf("%d: %s: got %v (%s), want %s", code, name, err, actions.KindOf(err), want)
				}
				wantNoSecret(t, server, name, err)
			})
		}
		wg.Wait()
	}
}

// Threat: redirects carry only a presigned query.
func TestPresignedURLServesOneBlobUntilItExpires(t *testing.T) {
	server := s3test.Start(t)
	if _, ok, err := server.Open(t, "").Presign(t.Context(), blob.NewKey(), blob.PresignOptions{Expires: time.Minute}); ok || err != nil {
		t.Errorf("without a public endpoint: %t, %v", ok, err)
	}
	s, err := openWith(t, server.URL("ci", true), server.Credentials)
	if err != nil {
		t.Fatal(err)
	}
	key, other := blobtest.Put(t, s, "content"), blobtest.Put(t, s, "other")
	url, ok, err := s.Presign(t.Context(), key, blob.PresignOptions{
		Expires: time.Minute, ContentType: "application/zip", Disposition: `attachment; filename="a b.zip"`,
	})
	if !ok || err != nil {
		t.Fatalf("%t, %v", ok, err)
	}
	if strings.Contains(url, server.Credentials.SecretAccessKey) {
		t.Errorf("the URL tells the secret: %s", url)
	}
	status, header, body := get(t, url)
	got := []string{http.StatusText(status), header.Get("Content-Type"), header.Get("Content-Disposition"), body}
	if want := []string{"OK", "application/zip", `attachment; filename="a b.zip"`, "content"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, bad := range []string{
		strings.Replace(url, key, other, 1), strings.Replace(url, "zip", "html", 1), strings.Replace(url, "Expires=60", "Expires=61", 1),
		strings.Split(url, "?")[0],
	} {
		if status, _, body := get(t, bad); status != http.StatusForbidden || strings.Contains(body, "content") && len(body) < 10 {
			t.Errorf("%s: %d %s", bad, status, body)
		}
	}
	for _, bad := range []string{"", "../x", key + "?x", strings.Repeat("a", 40)} {
		if url, ok, err := s.Presign(t.Context(), bad, blob.PresignOptions{Expires: time.Minute}); ok || err == nil {
			t.Errorf("%q was signed: %s", bad, url)
		}
	}
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(body)
}

func TestBlobsAreComposedByTheServer(t *testing.T) {
	server := s3test.Start(t)
	s := server.Open(t, "ci")
	five := strings.Repeat("five!", 1<<20)
	parts := []string{blobtest.Put(t, s, five), blobtest.Put(t, s, five+"!"), blobtest.Put(t, s, "end")}
	info, err := s.Compose(t.Context(), parts)
	if err != nil || info.Size != int64(2*len(five)+4) {
		t.Fatalf("got %+v, %v", info, err)
	}
	if blobtest.Get(t, s, info.Key) != five+five+"!end" {
		t.Error("the composed blob is different")
	}
	one, err := s.Compose(t.Context(), parts[2:])
	if err != nil || blobtest.Get(t, s, one.Key) != "end" {
		t.Errorf("one blob: %+v, %v", one, err)
	}
	for _, c := range []struct {
		keys []string
		want actions.Kind
	}{
		{nil, actions.Invalid},
		{[]string{parts[2], parts[0]}, actions.Invalid}, // too short, and not the last
		{[]string{parts[0], blob.NewKey()}, actions.NotFound},
		{[]string{parts[0], "../x"}, actions.NotFound},
		{make([]string, blob.MaxCompose+1), actions.Invalid},
	} {
		if _, err := s.Compose(t.Context(), c.keys); actions.KindOf(err) != c.want {
			t.Errorf("%.80q: got %v, want %s", c.keys, err, c.want)
		}
	}
	if got := uploads(t, server); got != 0 {
		t.Errorf("%d uploads are left", got)
	}
	if got := len(blobtest.Keys(t, s)); got != 5 {
		t.Errorf("%d blobs, want 5", got)
	}
}
