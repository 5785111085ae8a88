package limit

import "sync"

// held are the bytes of requests and responses that are in memory until a client has
// sent or taken the rest of them.
type held struct {
	mu  sync.Mutex
	all int64
	by  map[Caller]int64
}

func (h *held) add(c Caller, n int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all += n
	if h.by[c] += n; h.by[c] == 0 {
		delete(h.by, c)
	}
}

// check refuses a request of somebody for whom enough is held already.
func (h *held) check(q Request, v Values) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.by[q.Caller] > int64(v.get(Bytes)):
		return tooMuch("bytes that are not read", retry)
	case h.all > int64(v.get(AllBytes)) && q.Work != Reserved:
		return full("bytes under way", retry)
	}
	return nil
}

// Hold notes that bytes are held for the visit until End, or until they are given
// back by a negative number. An error says that there are too many now; who can stop
// there does. A nil visit, and one without a limiter, holds nothing.
func (v *Visit) Hold(n int) error {
	if v == nil || v.limiter == nil {
		return nil
	}
	v.mu.Lock()
	v.held += int64(n)
	v.mu.Unlock()
	v.limiter.held.add(v.request.Caller, int64(n))
	if n < 0 {
		return nil
	}
	return v.limiter.held.check(v.request, v.limiter.values)
}
