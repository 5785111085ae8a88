package results_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/results/resultstest"
)

// BLOB-1: an URL without three words in its path stops the storage
// library before it sends anything, and a parameter that it splits or uses itself
// comes back as another. BLOB-1: the signature has no padding.
func TestSignedURLsAreAsStorageClientsWantThem(t *testing.T) {
	s := newServer(t)
	c, upload := s.open("dist")
	if err := c.PutWhole(t.Context(), upload, []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Finalize(t.Context(), "dist", 1, ""); err != nil {
		t.Fatal(err)
	}
	list, err := c.List(t.Context(), "dist", 0)
	if err != nil {
		t.Fatal(err)
	}
	download, err := c.SignedURL(t.Context(), list[0])
	if err != nil {
		t.Fatal(err)
	}
	job := s.saver(mainRef)
	job.save("key", []byte("x"))
	used := []string{"comp", "blockid", "blocklisttype", "timeout", "snapshot", "versionid"} // by the library
	for what, text := range map[string]string{
		"upload of an artifact": upload, "download of an artifact": download,
		"upload of a cache": job.create("another").SignedUploadURL, "download of a cache": job.find("key").SignedDownloadURL,
	} {
		u, err := url.Parse(text)
		if err != nil || !u.IsAbs() || len(strings.Split(strings.Trim(u.Path, "/"), "/")) < 3 {
			t.Errorf("%s: %s, %v", what, text, err)
			continue
		}
		names := map[string]bool{}
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if value == "" || strings.Contains(value, "=") || slices.Contains(used, name) {
				t.Errorf("%s: parameter %s", what, pair)
			}
			names[name] = true
		}
		if !names["sig"] { // the one that clients mask in logs
			t.Errorf("%s: no sig in %s", what, text)
		}
	}
}

// BLOB-3, ART-4: the toolkit's own size of blocks, and the bytes beside it;
// the last block comes first.
func TestArtifactsInBlocksOfTheToolkit(t *testing.T) {
	const block = 8 << 20
	s := newServer(t)
	c := s.client(s.Job("build"))
	for name, size := range map[string]int{"a block": block, "a block and a byte": block + 1, "two blocks less a byte": 2*block - 1} {
		content := noise(size)
		to, err := c.Create(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for at := (size - 1) / block * block; at >= 0; at -= block {
			id := resultstest.BlockID(at / block)
			ids = slices.Insert(ids, 0, id)
			if err := c.PutBlock(t.Context(), to, id, content[at:min(at+block, size)]); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.PutList(t.Context(), to, ids); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Finalize(t.Context(), name, size, resultstest.Digest(content)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got, err := c.Download(t.Context(), name); err != nil || len(got) != size {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// BLOB-4, BLOB-7, CACHE-3 and 11: above 128 MiB a cache comes in blocks of 64,
// and its reader hangs up when nothing comes for five seconds.
func TestALargeCacheComesInBlocksAndWithoutAPause(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 130 MiB")
	}
	const block, size = 64 << 20, 2*64<<20 + 17
	s := newServer(t)
	c := s.saver(mainRef)
	content := noise(block)
	to := c.create("large")
	var ids []string
	for i, piece := range [][]byte{content, content, content[:17]} {
		ids = append(ids, resultstest.BlockID(i))
		if err := c.PutBlock(t.Context(), to.SignedUploadURL, ids[i], piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.PutList(t.Context(), to.SignedUploadURL, ids); err != nil {
		t.Fatal(err)
	}
	if done := c.finalize("large", size); !done.OK {
		t.Fatalf("finalize: %+v", done)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.find("large").SignedDownloadURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.ContentLength != size {
		t.Errorf("%d, Content-Length %d", resp.StatusCode, resp.ContentLength)
	}
	hash, buffer, longest := sha256.New(), make([]byte, 1<<20), time.Duration(0)
	for before := time.Now(); ; before = time.Now() {
		n, err := resp.Body.Read(buffer)
		longest = max(longest, time.Since(before))
		hash.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want := sha256.New()
	for _, piece := range [][]byte{content, content, content[:17]} {
		want.Write(piece)
	}
	if got := hash.Sum(nil); !slices.Equal(got, want.Sum(nil)) {
		t.Errorf("other bytes came back: %s", hex.EncodeToString(got))
	}
	if longest >= 5*time.Second {
		t.Errorf("nothing came for %s", longest)
	}
}
