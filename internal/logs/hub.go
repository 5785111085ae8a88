package logs

import (
	"slices"
	"sync"
	"time"
)

const (
	lineCost  = 32  // bytes that a line costs beside its text
	chunkCost = 128 // bytes that a chunk costs beside its lines
	maxNumber = 1 << 40
	liveSteps = 4096 // steps of a job that may have live lines
)

// A hub holds the newest live lines of each job that runs.
type hub struct {
	perJob, inAll int // bytes
	began         time.Time
	now           func() time.Time

	mu   sync.Mutex
	jobs map[int64]*live
	size int // of all jobs

	watched map[int64]time.Time // by job: until when servers that have followers are told of it
	news    chan struct{}       // of size 1: there are lines to tell of

	dirty  map[int64]struct{} // jobs with lines that are not written, and those that are over
	unkept chan struct{}      // of size 1: there are such; nil where nothing is written
}

// live is the newest lines of one job, in the order in which they came. Its
// fields are the hub's to guard.
type live struct {
	chunks    []chunk
	first     uint64 // sequence number of chunks[0]
	size      int
	next      map[string]int64 // by step: the number of the line to come
	followers map[chan struct{}]struct{}
	ended     bool
	own       bool   // its runner sends lines to this server
	told      uint64 // sequence number of the chunk that other servers are told next
	kept      uint64 // sequence number of the chunk that is written next

	open      int       // connections that its runner has to this server
	closed    time.Time // when the last one ended; zero before
	asked     time.Time // when the first of the followers came
	elsewhere time.Time // until when another server counts as having a connection
	tellView  bool      // other servers are to be told that there is one
}

// A chunk is lines that came together. It never changes.
type chunk struct {
	step  string
	line  int64 // number of the first
	lines []string
	cost  int
	own   bool      // its runner sent it to this server
	at    time.Time // when it came
}

func newHub(perJob, inAll int, now func() time.Time) *hub {
	return &hub{
		perJob: perJob, inAll: inAll, began: now(), now: now, jobs: map[int64]*live{},
		watched: map[int64]time.Time{}, news: make(chan struct{}, 1), dirty: map[int64]struct{}{},
	}
}

// Publish shows followers of the job lines that one of its steps has printed.
// startLine is the number of the first within the step, from 1; 0 stands for the
// one that is due. Lines that came before are passed over: a runner that had to
// connect again may repeat them. Publish keeps lines; it never blocks.
func (l *Logs) Publish(jobID int64, stepGUID string, startLine int64, lines []string) {
	l.hub.publish(jobID, piece{stepGUID, startLine, lines}, true)
}

// End says that no lines will come any more: streams of followers end.
func (l *Logs) End(jobID int64) { l.hub.end(jobID) }

// A piece is lines of a step, from a number on.
type piece struct {
	step  string
	start int64
	lines []string
}

func (h *hub) publish(jobID int64, p piece, own bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !own && !h.followed(jobID) {
		return
	}
	j := h.job(jobID)
	if !own && p.step == viewPiece {
		j.hearView(h.now())
		return
	}
	if !h.add(j, p, own) {
		return
	}
	j.wake()
	if own {
		h.unkeptOf(jobID)
	}
	if _, ok := h.watched[jobID]; ok && own {
		h.tell()
	}
}

// add keeps the lines that are new, and is false when none is.
func (h *hub) add(j *live, p piece, own bool) bool {
	step, start, lines := p.step, p.start, p.lines
	due, known := j.next[step]
	if !known {
		if len(j.next) >= liveSteps {
			return false
		}
		due = 1
	}
	if start <= 0 || start > maxNumber {
		start = due
	}
	if seen := due - start; seen > 0 {
		lines = lines[min(seen, int64(len(lines))):]
		start = due
	}
	if len(lines) == 0 {
		return false
	}
	j.own = j.own || own
	j.next[step] = start + int64(len(lines))
	c := chunk{step: step, line: start, lines: lines, cost: chunkCost, own: own, at: h.now()}
	for _, s := range lines {
		c.cost += lineCost + len(s)
	}
	j.chunks = append(j.chunks, c)
	h.grow(j, c.cost)
	for j.size > h.perJob && len(j.chunks) > 1 {
		h.drop(j)
	}
	for h.size > h.inAll {
		h.drop(h.largest())
	}
	return true
}

// job is the entry of a job, made if there is none.
func (h *hub) job(id int64) *live {
	j := h.jobs[id]
	if j == nil {
		j = &live{next: map[string]int64{}, followers: map[chan struct{}]struct{}{}}
		h.jobs[id] = j
	}
	return j
}

func (h *hub) grow(j *live, n int) {
	j.size += n
	h.size += n
}

// drop forgets the oldest lines of a job.
func (h *hub) drop(j *live) {
	h.grow(j, -j.chunks[0].cost)
	j.chunks[0] = chunk{}
	j.chunks = j.chunks[1:]
	j.first++
}

func (h *hub) largest() (big *live) {
	for _, j := range h.jobs {
		if big == nil || j.size > big.size {
			big = j
		}
	}
	return big
}

func (j *live) wake() {
	for ch := range j.followers {
		select {
		case ch <- struct{}{}:
		default: // woken already
		}
	}
}

func (h *hub) end(jobID int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j := h.jobs[jobID]
	if j == nil {
		return
	}
	delete(h.jobs, jobID)
	h.unkeptOf(jobID)
	h.size -= j.size // followers read the rest
	j.ended = true
	j.wake()
}

// join wakes ch whenever the job has news, until leave is called.
func (h *hub) join(jobID int64, ch chan struct{}) (j *live, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	j = h.job(jobID)
	if len(j.followers) == 0 {
		j.asked = h.now()
	}
	j.followers[ch] = struct{}{}
	return j, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(j.followers, ch)
		if len(j.followers) == 0 && !j.own && h.jobs[jobID] == j {
			delete(h.jobs, jobID)
			h.size -= j.size
		}
	}
}

// since returns the chunks from sequence number seq on, or from the oldest that
// is left, the number to ask with the next time, and whether these are the last.
func (h *hub) since(j *live, seq uint64) (news []chunk, next uint64, ended bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if seq < j.first {
		seq = j.first
	}
	news = slices.Clone(j.chunks[seq-j.first:])
	return news, j.first + uint64(len(j.chunks)), j.ended
}

// ids are the jobs that have an entry.
func (h *hub) ids() []int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	ids := make([]int64, 0, len(h.jobs))
	for id := range h.jobs {
		ids = append(ids, id)
	}
	return ids
}
