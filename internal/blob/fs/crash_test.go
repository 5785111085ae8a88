package fs_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/blob/blobtest"
	blobfs "github.com/understudy-ci/understudy/internal/blob/fs"
)

// childDir names the variable that makes this program the process to be killed.
const childDir = "UNDERSTUDY_TEST_BLOB_CHILD"

// TestChild puts and deletes blobs, and prints what it has been promised, until
// it is killed.
func TestChild(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("this is for TestKilledProcessKeepsItsPromises")
	}
	s := open(t, dir, blobfs.Options{Now: time.Now})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), uint64(os.Getpid())))
			for {
				content := make([]byte, random.IntN(1<<random.IntN(18)))
				for i := range content {
					content[i] = byte(random.Uint32())
				}
				b, err := s.Put(t.Context(), strings.NewReader(string(content)), blob.PutOptions{Limit: 1 << 20})
				if err != nil {
					t.Error(err)
					return
				}
				if random.IntN(4) == 0 {
					if err := s.Delete(t.Context(), b.Key); err != nil {
						t.Error(err)
						return
					}
					fmt.Printf("deleted %s 0\n", b.Key)
				} else {
					fmt.Printf("kept %s %d\n", b.Key, crc32.ChecksumIEEE(content))
				}
				if random.IntN(20) == 0 {
					_ = s.Sweep(t.Context(), time.Now().Add(-time.Hour)) // it may meet another Sweep
				}
			}
		})
	}
	wg.Wait()
}

// Threat: bytes that nobody owns, after a kill at any instant.
func TestKilledProcessKeepsItsPromises(t *testing.T) {
	dir := t.TempDir()
	kept := map[string]uint32{}
	random := rand.New(rand.NewPCG(3, 5))
	for range 6 {
		deleted := runAndKill(t, dir, 20+random.IntN(300), kept)
		s := open(t, dir, blobfs.Options{Now: time.Now})
		wantKept(t, s, kept)
		if err := s.Sweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		wantKept(t, s, kept)
		listed := blobtest.Keys(t, s)
		for _, key := range deleted {
			if _, ok := listed[key]; ok {
				t.Errorf("blob %s was deleted and is there", key)
			}
		}
		for key, size := range listed { // also what nobody was promised is whole
			if got := len(blobtest.Get(t, s, key)); int64(got) != size {
				t.Errorf("blob %s has %d bytes, want %d", key, got, size)
			}
			if _, ok := kept[key]; !ok {
				if err := s.Delete(t.Context(), key); err != nil {
					t.Error(err)
				}
			}
		}
		if left, err := os.ReadDir(filepath.Join(dir, "tmp")); len(left) > 0 || err != nil {
			t.Errorf("left in tmp: %v, %v", left, err)
		}
	}
	s := open(t, dir, blobfs.Options{Now: time.Now})
	wantKept(t, s, kept)
	for key := range kept {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	sweep(t, s)
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// runAndKill starts a process and kills it after n promises.
func runAndKill(t *testing.T, dir string, n int, kept map[string]uint32) (deleted []string) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for i := 0; ; i++ {
		if i == n {
			kill() // what it prints until then is read too
		}
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		var what, key string
		var sum uint32
		if _, err := fmt.Sscan(line, &what, &key, &sum); err != nil {
			t.Fatalf("the child says %q", line)
		}
		if what == "kept" {
			kept[key] = sum
		} else {
			deleted = append(deleted, key)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return deleted
}

func wantKept(t *testing.T, s blob.Store, kept map[string]uint32) {
	t.Helper()
	for key, sum := range kept {
		if got := crc32.ChecksumIEEE([]byte(blobtest.Get(t, s, key))); got != sum {
			t.Errorf("blob %s came back different", key)
		}
	}
}

// TestPowerLossTakesNothingThatWasFlushed loses any of the sectors that were
// written after the last flush, and any tail of the file.
func TestPowerLossTakesNothingThatWasFlushed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, blobfs.Options{Now: time.Now})
	var durable, relaxed []string
	random := rand.New(rand.NewPCG(7, 11))
	content := func() string { return strings.Repeat("content", random.IntN(300)) }
	for range 30 {
		durable = append(durable, blobtest.Put(t, s, content()))
	}
	path := onlyPack(t, dir)
	flushed := size(t, path)
	for range 30 {
		relaxed = append(relaxed, blobtest.PutWith(t, s, content(), blob.PutOptions{Relaxed: true}))
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		lost := lose(random, whole, int(flushed))
		dir := t.TempDir()
		s := open(t, dir, blobfs.Options{Now: time.Now, NoSync: true})
		if err := os.WriteFile(filepath.Join(dir, "packs", filepath.Base(path)), lost, 0o600); err != nil {
			t.Fatal(err)
		}
		sweep(t, s)
		left := blobtest.Keys(t, s)
		for _, key := range durable {
			if _, ok := left[key]; !ok {
				t.Errorf("blob %s was flushed and is lost", key)
			}
		}
		for key := range left {
			blobtest.Get(t, s, key)
		}
		for _, key := range relaxed {
			o, err := s.Open(t.Context(), key)
			if _, ok := left[key]; !ok && actions.KindOf(err) != actions.NotFound {
				t.Errorf("blob %s is not listed and opens: %v", key, err)
			}
			if err == nil {
				_, _ = io.Copy(io.Discard, o)
				_ = o.Close()
			}
		}
	}
}

// lose returns a file of which sectors behind flushed were never written.
func lose(random *rand.Rand, whole []byte, flushed int) []byte {
	const sector = 512
	lost := append([]byte{}, whole[:flushed+random.IntN(len(whole)-flushed+1)]...)
	for at := flushed; at < len(lost); at = (at/sector + 1) * sector {
		if random.IntN(8) == 0 {
			clear(lost[at:min(len(lost), (at/sector+1)*sector)])
		}
	}
	return lost
}
