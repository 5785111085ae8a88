package runner

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"time"
)

const (
	spoolMemory = 8 << 20 // waiting pieces that stay in memory
	spoolDisk   = 4 << 30 // waiting pieces in files; beyond this, a job waits
	// spoolPause is how long a job waits for a server that takes its pieces,
	// only slower than they come, before they go to files.
	spoolPause = time.Second
)

// A piece is a part of a log, or a summary, on its way to the server.
type piece struct {
	size int64
	data []byte // nil when in a file
	path string
}

// open is the content of p.
func (p *piece) open() (io.ReadCloser, error) {
	if p.data != nil {
		return io.NopCloser(bytes.NewReader(p.data)), nil
	}
	return os.Open(p.path) // a file, which the transport hands to sendfile
}

// A spool holds the pieces of a job that wait: a few MiB in memory, the rest
// in files. It says "wait" only to a job that is faster than a healthy server,
// or when the disk is full.
type spool struct {
	gone context.Context // pieces are of no use any more when it is done
	dir  string

	mu           sync.Mutex
	memory, disk int64
	away         bool          // the server does not answer
	changed      chan struct{} // closed and replaced when one of these falls
	free         [][]byte      // buffers of full length, to use again
}

func newSpool(gone context.Context, dir string) *spool {
	return &spool{gone: gone, dir: dir, changed: make(chan struct{})}
}

// store makes a piece of b, and owns b from now on. It may wait.
func (s *spool) store(b []byte) *piece {
	p := &piece{size: int64(len(b)), data: b}
	pause := time.NewTimer(spoolPause)
	defer pause.Stop()
	patient := true
	for {
		s.mu.Lock()
		switch {
		case s.memory+p.size <= spoolMemory, s.gone.Err() != nil:
			s.memory += p.size
			s.mu.Unlock()
			return p
		case (s.away || !patient) && s.disk+p.size <= spoolDisk:
			s.disk += p.size
			s.mu.Unlock()
			if path, err := s.write(b); err == nil {
				s.reuse(b)
				return &piece{size: p.size, path: path}
			}
			s.mu.Lock()
			s.disk -= p.size // the disk is full: wait for the memory
			patient = true
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-pause.C:
			patient = false
		case <-s.gone.Done():
		}
	}
}

func (s *spool) write(b []byte) (path string, err error) {
	f, err := os.CreateTemp(s.dir, "piece-")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the write is what went wrong
		return "", err
	}
	return f.Name(), nil
}

// release forgets p, which has been delivered or given up.
func (s *spool) release(p *piece) {
	if p.data == nil {
		_ = os.Remove(p.path) // the whole directory goes with the job
	} else {
		s.reuse(p.data)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.data == nil {
		s.disk -= p.size
	} else {
		s.memory -= p.size
	}
	s.notify()
}

// setAway says whether the server answers.
func (s *spool) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away != away {
		s.away = away
		s.notify()
	}
}

// notify needs s.mu.
func (s *spool) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// buffer is an empty buffer, perhaps one that has grown already.
func (s *spool) buffer() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		b := s.free[n-1]
		s.free = s.free[:n-1]
		return b[:0]
	}
	return nil
}

func (s *spool) reuse(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cap(b) >= pieceSize && len(s.free) < 2 {
		s.free = append(s.free, b)
	}
}
