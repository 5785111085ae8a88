package db

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// A Kind groups topics. Package store names them. Their numbers go from server to
// server, of older releases too, so a number never gets another meaning; kinds
// that a server does not know pass it by.
type Kind uint8

// A Topic names something that can change: one thing of a kind, or with ID 0
// everything of it. Who subscribes to the whole kind hears of each thing; who asks
// for its [DB.Revision] sees each change.
type Topic struct {
	Kind Kind
	ID   int64 // not negative
}

const (
	maxKinds = 32
	// Topics of a kind share this many counters by their ids: a topic may seem to
	// have changed when another has, and memory does not grow with ids.
	counters = 1024

	// A subscription that was told more than this looks at everything.
	maxPending = 1000
)

// A feed tells readers in this process what commits changed, here and on other
// servers: those who wait wake up, and what was remembered is out of date. It holds
// nothing that must survive a restart.
type feed struct {
	counts [maxKinds][counters]atomic.Uint64
	all    atomic.Uint64 // times that anything may have changed
	deaf   atomic.Bool   // others write, and are not heard now

	inboxes inboxes

	mu   sync.RWMutex
	subs map[Topic]map[*Subscription]struct{}
}

// count is the counter of a topic. That of a whole kind comes first.
func (f *feed) count(t Topic) *atomic.Uint64 {
	if t.ID == 0 {
		return &f.counts[t.Kind][0]
	}
	return &f.counts[t.Kind][1+t.ID%(counters-1)]
}

// publish counts first and wakes then: who wakes finds nothing old. A kind counts
// before its things: what is remembered for a thing may be made of what is
// remembered for the kind, which then is not old.
func (f *feed) publish(topics ...Topic) {
	for _, t := range topics {
		if t.ID != 0 {
			f.count(Topic{t.Kind, 0}).Add(1)
		}
		f.count(t).Add(1)
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, t := range topics {
		for s := range f.subs[t] {
			s.add(t)
		}
		if t.ID == 0 {
			continue
		}
		for s := range f.subs[Topic{t.Kind, 0}] {
			s.add(t)
		}
	}
}

// anything says that whatever there is may have changed.
func (f *feed) anything() {
	f.all.Add(1)
	f.mu.RLock()
	defer f.mu.RUnlock()
	for _, subs := range f.subs {
		for s := range subs {
			s.addAll()
		}
	}
}

// revision is greater after each change of one of the topics. While others are
// not heard, no two are equal.
func (f *feed) revision(topics ...Topic) uint64 {
	var n uint64
	if f.deaf.Load() {
		n = f.all.Add(1)
	} else {
		n = f.all.Load()
	}
	for _, t := range topics {
		n += f.count(t).Load()
	}
	return n
}

func (f *feed) subscribe(topics []Topic) *Subscription {
	s := &Subscription{feed: f, topics: topics, wake: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subs == nil {
		f.subs = make(map[Topic]map[*Subscription]struct{})
	}
	for _, t := range topics {
		if f.subs[t] == nil {
			f.subs[t] = make(map[*Subscription]struct{})
		}
		f.subs[t][s] = struct{}{}
	}
	return s
}

// A Subscription hears of changes, from when it was made until Close.
type Subscription struct {
	feed   *feed
	topics []Topic
	wake   chan struct{} // of size 1

	mu      sync.Mutex
	pending map[Topic]struct{}
	all     bool
}

// C receives after a change of one of the topics; several may come as one. It
// receives, too, when anything may have changed: from time to time, so that a
// lost notice of another server costs only a delay.
func (s *Subscription) C() <-chan struct{} { return s.wake }

// Take returns what has changed since it was called last. With all set that may
// be anything, and topics is empty.
func (s *Subscription) Take() (topics []Topic, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	topics, all = slices.Collect(maps.Keys(s.pending)), s.all
	s.pending, s.all = nil, false
	return topics, all
}

// Close ends the subscription. C is not closed.
func (s *Subscription) Close() {
	f := s.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, t := range s.topics {
		delete(f.subs[t], s)
		if len(f.subs[t]) == 0 {
			delete(f.subs, t)
		}
	}
}

func (s *Subscription) add(t Topic) {
	s.mu.Lock()
	if len(s.pending) >= maxPending {
		s.pending, s.all = nil, true
	}
	if !s.all {
		if s.pending == nil {
			s.pending = make(map[Topic]struct{})
		}
		s.pending[t] = struct{}{}
	}
	s.mu.Unlock()
	s.poke()
}

func (s *Subscription) addAll() {
	s.mu.Lock()
	s.pending, s.all = nil, true
	s.mu.Unlock()
	s.poke()
}

func (s *Subscription) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // woken already
	}
}

// Publish tells this server and the others that something has changed. After a
// write that is in a transaction, [Tx.Publish] does it.
func (d *DB) Publish(topics ...Topic) {
	if len(topics) == 0 {
		return
	}
	d.feed.publish(topics...)
	d.engine.announce(topics)
}

// Announce tells the other servers on the database only. It is lost when they
// cannot be reached.
func (d *DB) Announce(topics ...Topic) { d.engine.announce(topics) }

// Subscribe makes a subscription, which the caller closes. Nothing is missed that
// is committed after it returns.
func (d *DB) Subscribe(topics ...Topic) *Subscription { return d.feed.subscribe(topics) }

// Revision counts the changes of topics. What was read after asking for it is
// good for as long as it stays the same; so is what was read of several topics,
// each after its own count was read and added up. It is never the same while
// others write and are not heard, as on PostgreSQL unless [DB.Listen] runs.
func (d *DB) Revision(topics ...Topic) uint64 { return d.feed.revision(topics...) }
