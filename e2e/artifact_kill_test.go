package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An attack uploads artifacts over several connections while its server is
// killed and started again.
type attack struct {
	*repository
	in     *inside
	mark   []byte // begins every content
	random *rand.Rand

	mu   sync.Mutex
	all  []*upload
	ways map[string]int // how uploads ended
}

// content is that of the n-th upload: small, of several blocks, or long.
func (a *attack) content(n int) []byte {
	a.mu.Lock()
	size := []int{100, 1 << 10, 40 << 10, 300 << 10, 1 << 20}[a.random.IntN(5)]
	a.mu.Unlock()
	one := fmt.Appendf(nil, "%s %d ", a.mark, n)
	return bytes.Repeat(one, size/len(one)+1)
}

// work uploads most artifacts, or until ctx ends. Whatever goes wrong, the next
// upload has another name.
func (a *attack) work(ctx context.Context, worker, most int) {
	for n := 0; n < most && ctx.Err() == nil; n++ {
		u := &upload{name: fmt.Sprintf("worker-%d-%d", worker, n), content: a.content(n)}
		err := a.in.upload(context.WithoutCancel(ctx), u, 128<<10)
		a.mu.Lock()
		a.all = append(a.all, u)
		switch {
		case err == nil:
			a.ways["done"]++
		case !disconnected(err):
			a.ways["refused"]++
			a.t.Errorf("%s: %v", u.name, err)
		case u.finalized:
			a.ways["finalize not answered"]++
		default:
			a.ways["cut off"]++
		}
		a.mu.Unlock()
		if err != nil && !a.up(ctx) {
			return
		}
	}
}

// disconnected says whether a request has no answer, or half of one.
func disconnected(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.ErrUnexpectedEOF)
}

// pace waits for so many uploads and returns how long they took.
func (a *attack) pace(uploads int) time.Duration {
	a.t.Helper()
	began := time.Now()
	until(a.t, "nothing is uploaded", func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.all) >= uploads
	})
	return time.Since(began)
}

// up waits until the server answers again.
func (a *attack) up(ctx context.Context) bool {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/healthz", http.NoBody)
		if err != nil {
			return false
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			return res.Body.Close() == nil
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

// storages are where servers keep bytes, and the directories that show them.
func storages(t *testing.T) map[string]func(s *server) (dir string) {
	t.Helper()
	return map[string]func(*server) string{
		"directory": func(s *server) string { return filepath.Join(s.data, "blobs") },
		"bucket":    func(s *server) string { return s.inBucket() },
	}
}

func TestAcknowledgedArtifactsSurviveAServerThatIsKilledAtAnyMoment(t *testing.T) {
	t.Parallel()
	const seed, kills, workers, inJob = 3, 50, 4, 500 // a job may have so many artifacts
	for name, where := range storages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "--runners", "0")
			bytesIn := where(s)
			s.start()
			r := s.newRepository("hello")
			r.newRunner("own", "mine")
			a := &attack{
				repository: r, in: r.enter("mine"), mark: []byte("UNDERSTUDY-MARK"),
				random: rand.New(rand.NewPCG(seed, seed)), ways: map[string]int{},
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var wg sync.WaitGroup
			for worker := range workers {
				wg.Go(func() { a.work(ctx, worker, inJob/workers) })
			}
			random := rand.New(rand.NewPCG(seed, kills))
			life := min(a.pace(2*workers), 400*time.Millisecond)
			for range kills {
				wait := time.Duration(random.Int64N(int64(life)))
				time.AfterFunc(wait, func() { _ = s.cmd.Process.Signal(syscall.SIGKILL) }) // at a random time, on purpose
				<-s.done
				s.start()
			}
			stop()
			wg.Wait()
			t.Logf("%d uploads: %v", len(a.all), a.ways)
			a.check()
			a.clear(bytesIn)
		})
	}
}

// check checks that what was acknowledged is whole, and what was not is not
// there. Where the answer to the last request was lost, both will do.
func (a *attack) check() {
	a.t.Helper()
	list := a.artifacts()
	if a.ways["done"] == 0 || a.ways["cut off"] == 0 {
		a.t.Errorf("not every way was taken: %v", a.ways)
	}
	for _, u := range a.all {
		i := slices.IndexFunc(list, func(x artifact) bool { return x.Name == u.name })
		switch {
		case i >= 0 && u.finalized:
			a.whole(&list[i], u)
		case i >= 0:
			a.t.Errorf("artifact %s is there, and nobody has finalized it", u.name)
		case u.done:
			a.t.Errorf("artifact %s was acknowledged and is not there", u.name)
		}
	}
}

// clear ends the job, deletes every artifact, and checks that nothing of them
// is left where bytes are kept.
func (a *attack) clear(dir string) {
	a.t.Helper()
	a.in.leave()
	a.conclude(a.in.run, "success")
	for _, x := range a.artifacts() {
		a.do(http.MethodDelete, fmt.Sprintf("%s/actions/artifacts/%d", a.api, x.ID), nil, nil)
	}
	var started time.Time
	until(a.t, "bytes that nobody owns are left", func() bool {
		if time.Since(started) > 3*time.Second { // a start sweeps what is older than a second
			a.kill()
			a.start()
			started = time.Now()
		}
		return !holds(a.t, dir, a.mark)
	})
}

// holds says whether a file below dir has the text in it.
func holds(t *testing.T, dir string, text []byte) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if found = found || bytes.Contains(content, text); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestArtifactsThatWereAcknowledgedSurviveAPowerLoss(t *testing.T) {
	t.Parallel()
	d := newDisk(t)
	s := newServer(t, "--runners", "0")
	s.data = filepath.Join(d.dir, "data")
	s.start()
	r := s.newRepository("hello")
	r.newRunner("own", "mine")
	in := r.enter("mine")
	var all []*upload
	for i, size := range []int{1, 1 << 10, 32 << 10, 33 << 10, 1 << 20, 5 << 20} {
		u := &upload{name: fmt.Sprintf("of-%d", size), content: bytes.Repeat([]byte{byte('a' + i)}, size)}
		if err := in.upload(t.Context(), u, 1<<20); err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
		d.losePower(s.kill)
		s.start()
		list := r.artifacts()
		for _, u := range all {
			k := slices.IndexFunc(list, func(x artifact) bool { return x.Name == u.name })
			if k < 0 {
				t.Fatalf("artifact %s was acknowledged and is not there", u.name)
			}
			r.whole(&list[k], u)
		}
	}
	in.leave()
	r.conclude(in.run, "success")
}
