package githttp

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/gitrepo/gittest"
)

const fetchType = "application/x-git-upload-pack-request"

// Clients that send half a request kept all others from public repositories.
func TestHalfARequestKeepsNobodyFromFetching(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{})
	c := gittest.New(t, w.remote("owner", "octo/public"))
	c.Commit("one", "a.txt", "a")
	c.Git("push", "-q", "origin", "main")
	var ended sync.WaitGroup
	defer ended.Wait()
	for range 32 {
		body, send := io.Pipe()
		defer send.Close()
		ended.Go(func() {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/octo/public/git-upload-pack", body)
			if err != nil {
				t.Error(err)
				return
			}
			req.Header.Set("Content-Type", fetchType)
			if res, err := http.DefaultClient.Do(req); err == nil {
				res.Body.Close()
			}
		})
		if _, err := io.WriteString(send, "0011command=fetch"); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now()
	c.Git("fetch", "-q", w.remote("", "octo/public"), "main")
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestARequestThatUnpacksToTooMuchIsRefused(t *testing.T) {
	w := newWorld(t, gitrepo.Limits{RequestBytes: 1 << 20})
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	if _, err := io.Copy(z, io.LimitReader(zeros{}, 1<<24)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	res, text := w.do(t, http.MethodPost, "/octo/public/git-upload-pack", "", map[string]string{"Content-Type": fetchType, "Content-Encoding": "gzip"}, &bomb)
	if res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(text, "larger than 1048576 bytes") {
		t.Errorf("got %d %s", res.StatusCode, text)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestARequestThatNeverEndsIsGivenUp(t *testing.T) {
	now := time.Now()
	r := &timely{zeros{}, func() time.Time { return now }, now.Add(requestTime), nil}
	if _, err := r.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	now = now.Add(requestTime + time.Second)
	if _, err := r.Read(make([]byte, 1)); actions.KindOf(err) != actions.Malformed {
		t.Errorf("got %v, want Malformed", err)
	}
}
