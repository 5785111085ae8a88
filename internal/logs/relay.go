package logs

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/store"
)

// How live lines reach followers at other servers. The followers' server says that
// there are some, from time to time; the one that the runner speaks to sends the lines
// on while it hears that, and no longer. When lines come too fast, the newest are sent.
const (
	tellEvery = 250 * time.Millisecond // between two times that lines are sent on
	tellJob   = 32 << 10               // bytes of a job at one time
	tellAll   = 128 << 10              // bytes of all jobs at one time

	watchTime  = time.Minute      // for which a job counts as followed elsewhere
	watchAgain = 20 * time.Second // until that is said again: a notice can be lost
	maxWatched = 10_000           // jobs
)

// tellOthers sends on what is followed at other servers.
func (l *Logs) tellOthers(ctx context.Context) error {
	watched := l.store.Subscribe(store.WatchedTopic(0))
	defer watched.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watched.C():
			topics, _ := watched.Take() // with all, it is said again soon
			for _, t := range topics {
				l.hub.watch(t.ID, l.now())
			}
			continue
		case <-l.hub.news:
		}
		for job, pieces := range l.hub.untold(l.now()) {
			for _, p := range pieces {
				for text := range p.messages(store.MaxMessage) {
					l.store.Send(store.LinesTopic(job), text)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tellEvery):
		}
	}
}

// hearOthers takes in what other servers send on, and tells them what is followed here.
func (l *Logs) hearOthers(ctx context.Context) error {
	inbox := l.store.Receive(store.LinesTopic(0))
	defer inbox.Close()
	again := time.NewTicker(watchAgain)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-inbox.C():
			if p, ok := parsePiece(m.Text); ok {
				l.hub.publish(m.Topic.ID, p, false)
			}
		case <-again.C:
			var topics []store.Topic
			for _, id := range l.hub.allFollowed() {
				topics = append(topics, store.WatchedTopic(id))
			}
			l.store.Announce(topics...)
		}
	}
}

// messages are texts of at most so many bytes that say what the piece does: the step
// and the number of the first line, each in a line of its own, and then the lines. A
// line that does not fit is cut.
func (p piece) messages(most int) iter.Seq[string] {
	return func(yield func(string) bool) {
		var b strings.Builder
		for i, line := range p.lines {
			line = plain.Replace(strings.ToValidUTF8(line, "\uFFFD"))
			if b.Len() > 0 && b.Len()+1+len(line) > most {
				if !yield(b.String()) {
					return
				}
				b.Reset()
			}
			if b.Len() == 0 {
				b.WriteString(p.step + "\n" + strconv.FormatInt(p.start+int64(i), 10))
			}
			b.WriteString("\n" + cut(line, most-b.Len()-1))
		}
		if b.Len() > 0 {
			yield(b.String())
		}
	}
}

// plain takes out of a line what no message may have.
var plain = strings.NewReplacer("\x00", "\uFFFD", "\n", " ")

// parsePiece reads a message.
func parsePiece(text string) (piece, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < 3 {
		return piece{}, false
	}
	start, err := strconv.ParseInt(lines[1], 10, 64)
	return piece{lines[0], start, lines[2:]}, err == nil && start > 0
}

// watch notes that a job is followed at another server. That one may have none of its
// lines yet, so it is told the newest again.
func (h *hub) watch(jobID int64, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watched) >= maxWatched {
		h.forget(now)
	}
	if _, known := h.watched[jobID]; !known && len(h.watched) >= maxWatched {
		return
	}
	h.watched[jobID] = now.Add(watchTime)
	if j := h.jobs[jobID]; j != nil && j.own {
		j.told = 0
		h.tellView(jobID, j)
		h.tell()
	}
}

// forget drops the jobs that nobody has said to follow for a while. The caller holds mu.
func (h *hub) forget(now time.Time) {
	maps.DeleteFunc(h.watched, func(_ int64, until time.Time) bool { return now.After(until) })
}

// tell makes [Logs.tellOthers] look. The caller holds mu.
func (h *hub) tell() {
	select {
	case h.news <- struct{}{}:
	default: // it will
	}
}

// untold are the lines that other servers are to be told now, by job.
func (h *hub) untold(now time.Time) map[int64][]piece {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forget(now)
	all, found := tellAll, make(map[int64][]piece)
	for id := range h.watched { // in no order, so that none always comes first
		j := h.jobs[id]
		if j == nil {
			continue
		}
		if j.tellView {
			j.tellView = false
			found[id] = []piece{{viewPiece, 1, []string{"open"}}}
		}
		if j.told >= j.first+uint64(len(j.chunks)) {
			continue
		}
		if all <= 0 {
			h.tell()
			break
		}
		pieces, size := j.newest(min(tellJob, all))
		all -= size
		if len(pieces) > 0 {
			found[id] = append(found[id], pieces...)
		}
	}
	return found
}

// newest are the lines that nobody was told of: of those that came here, the last of at
// most so many bytes. Then all count as told.
func (j *live) newest(most int) (pieces []piece, size int) {
	from := int(max(j.told, j.first) - j.first)
	for _, c := range slices.Backward(j.chunks[from:]) {
		if !c.own {
			continue
		}
		n := len(c.lines)
		for n > 0 && size+lineCost+len(c.lines[n-1]) <= most {
			n--
			size += lineCost + len(c.lines[n])
		}
		if n < len(c.lines) {
			pieces = append(pieces, piece{c.step, c.line + int64(n), c.lines[n:]})
		}
		if n > 0 {
			break
		}
	}
	j.told = j.first + uint64(len(j.chunks))
	slices.Reverse(pieces)
	return pieces, size
}

// followed says whether somebody here follows the job. The caller holds mu.
func (h *hub) followed(jobID int64) bool {
	j := h.jobs[jobID]
	return j != nil && len(j.followers) > 0
}

// allFollowed are the jobs that somebody follows here.
func (h *hub) allFollowed() (ids []int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.jobs {
		if h.followed(id) {
			ids = append(ids, id)
		}
	}
	return ids
}
