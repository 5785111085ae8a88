package host

import (
	"os"
	"sync"
	"time"
)

const (
	// pipeSize is what the kernel is asked to hold between a process and us; a
	// larger pipe means fewer switches between the two at full speed.
	pipeSize = 256 << 10
	// stderrBuffer is enough for the stream that usually carries little.
	stderrBuffer = 32 << 10
	// lastOutput is how long reading the output of a killed process may take.
	lastOutput = 200 * time.Millisecond
)

func outputPipe() (r, w *os.File, err error) {
	if r, w, err = os.Pipe(); err == nil {
		growPipe(w)
	}
	return r, w, err
}

// inputPipe is a pipe, mostly at its end, as processes of GitHub's runner have for their
// input: some programs decide by it what they do.
func inputPipe(text []byte) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	if len(text) == 0 {
		return r, w.Close()
	}
	go func() {
		_, _ = w.Write(text) // a program that does not read it to its end does not want it
		_ = w.Close()
	}()
	return r, nil
}

// outputs are the goroutines that read what the processes of one job print. A
// background process may hold the output of its parent open: it is then read
// and dropped until the job ends.
type outputs struct {
	wg     sync.WaitGroup
	mu     sync.Mutex
	open   map[*os.File]bool
	buffer []byte // for the next reader of a standard output
}

// An output is what one process prints.
type output struct {
	done chan struct{} // closed when both streams have ended
	emit func([]byte)

	mu       sync.Mutex // serializes emit
	finished bool       // emit must not be called any more
}

// follow reads both streams of a process and passes them to emit.
func (o *outputs) follow(emit func([]byte), stdout, stderr *os.File) *output {
	out := &output{emit: emit, done: make(chan struct{})}
	o.mu.Lock()
	buf := o.buffer
	o.buffer = nil
	if o.open == nil {
		o.open = map[*os.File]bool{}
	}
	o.open[stdout], o.open[stderr] = true, true
	o.mu.Unlock()
	if buf == nil {
		buf = make([]byte, pipeSize)
	}
	var both sync.WaitGroup
	read := func(file *os.File, buf []byte) {
		readLines(file, buf, out.take)
		o.mu.Lock()
		delete(o.open, file)
		if len(buf) == pipeSize {
			o.buffer = buf
		}
		o.mu.Unlock()
		_ = file.Close() // only read
	}
	both.Go(func() { read(stdout, buf) })
	both.Go(func() { read(stderr, make([]byte, stderrBuffer)) })
	o.wg.Go(func() {
		both.Wait()
		close(out.done)
	})
	return out
}

func (o *output) take(batch []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.finished {
		o.emit(batch)
	}
}

// wait returns when all output is passed on, or after d; later output is
// dropped. Once kill is closed it waits only for what is there already.
func (o *output) wait(kill <-chan struct{}, d time.Duration) {
	if endsWithin(kill, o.done, d) {
		return
	}
	select {
	case <-kill:
		if endsWithin(nil, o.done, min(d, lastOutput)) {
			return
		}
	default:
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.finished = true
}

// close ends all readers; processes that still write get an error.
func (o *outputs) close() {
	o.mu.Lock()
	for file := range o.open {
		_ = file.SetReadDeadline(time.Unix(1, 0)) // wakes the reader, which closes the file
	}
	o.mu.Unlock()
	o.wg.Wait()
}
