package server

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of 8 MiB.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=8m,mode=0700"); err != nil {
		t.Skipf("cannot mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill leaves no room on a file system. The file that it returns is in the way.
func fill(t *testing.T, dir string) (name string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(f, zeros{})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// until looks until the server answers /readyz with a status.
func (r *running) untilReady(t *testing.T, want int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		status, body := get(t, http.DefaultClient, r.urls[0]+"/readyz", "")
		if status == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz is %d %q for a minute, want %d", status, body, want)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestAServerWhoseBlobsHaveNoRoomIsNotReady(t *testing.T) {
	disk := smallDisk(t)
	c := testConfig(t)
	c.Blobs = filepath.Join(disk, "blobs")
	r := start(t, c, testDeps(t))
	r.untilReady(t, http.StatusOK)
	filler := fill(t, disk)
	r.untilReady(t, http.StatusServiceUnavailable)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	r.untilReady(t, http.StatusOK)
}

func TestOnAFullDiskTheServerStartsAndIsNotReady(t *testing.T) {
	disk := smallDisk(t)
	c := testConfig(t)
	c.Data = filepath.Join(disk, "data")
	r := start(t, c, testDeps(t))
	r.untilReady(t, http.StatusOK)
	filler := fill(t, disk)
	r.untilReady(t, http.StatusServiceUnavailable)
	r.close()
	r = start(t, c, testDeps(t))
	r.untilReady(t, http.StatusServiceUnavailable)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	r.untilReady(t, http.StatusOK)
}
