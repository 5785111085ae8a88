package e2e_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A disk of its own is under the data directory of a server. What fills it up is
// one file.
type smallDisk struct {
	t      *testing.T
	dir    string
	filler string
}

func newSmallDisk(t *testing.T, s *server, size string) *smallDisk {
	t.Helper()
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", s.data, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(s.data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &smallDisk{t, s.data, filepath.Join(s.data, "filler")}
}

// leave fills the disk up but for so many bytes. The server may write in between: it
// then looks again how many are left.
func (d *smallDisk) leave(room int64) {
	d.t.Helper()
	d.clear()
	f, err := os.Create(d.filler)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for {
		var s syscall.Statfs_t
		if err := syscall.Statfs(d.dir, &s); err != nil {
			d.t.Fatal(err)
		}
		err := syscall.Fallocate(int(f.Fd()), 0, 0, max(int64(s.Bavail)*s.Bsize-room, 1))
		if err == nil {
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

func (d *smallDisk) clear() {
	d.t.Helper()
	if err := os.Remove(d.filler); err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
}

// The disk has room for what a push writes down before refs move, and none for its
// run, which keeps the large text of the workflow.
func TestPushesThatWereAnsweredOnAFullDiskGetTheirRuns(t *testing.T) {
	t.Parallel()
	s := newServer(t, "--runners", "0")
	disk := newSmallDisk(t, s, "24m")
	s.start()
	r := s.newRepository("hello")
	noise := make([]byte, 150<<10)
	for i := range noise {
		noise[i] = byte('!' + rand.IntN(90))
	}
	want := []string{r.commit(".github/workflows/ci.yml", quick("nobody")+"\n# "+string(noise)+"\n")}
	r.push()
	late, refused := 0, 0
	for late < 4 && refused < 40 {
		disk.leave(64 << 10)
		sha := r.commit()
		if out, err := r.git("push", "origin", "main").CombinedOutput(); err != nil {
			t.Logf("refused: %.300s", out)
			refused++
			continue
		}
		want = append(want, sha)
		if len(r.runs()) < len(want) {
			late++
		}
		if late == 2 {
			s.kill()
			s.start()
		}
	}
	if late == 0 {
		t.Errorf("no run was late, and %d pushes were refused: the disk was not full in the right moment", refused)
	}
	disk.clear()
	until(t, "answered pushes have no runs", func() bool { return len(r.runs()) >= len(want) })
	var got []string
	for _, one := range r.runs() {
		got = append(got, one.SHA)
	}
	slices.Reverse(got) // the oldest first
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("commits of runs (-want +got):\n%s", diff)
	}
	t.Logf("%d pushes answered, %d refused, %d runs late", len(want), refused, late)
}
