package db

import (
	"strconv"
	"strings"
	"sync"
)

// An outbox collects topics and messages until the sender takes them.
type outbox struct {
	wake chan struct{} // of size 1

	mu     sync.Mutex
	topics map[Topic]struct{}
	all    bool

	messages []Message
	size     int // of messages
}

func (o *outbox) put(topics ...Topic) {
	o.mu.Lock()
	if len(o.topics)+len(topics) > maxOutbox {
		o.topics, o.all = nil, true
	}
	if !o.all {
		if o.topics == nil {
			o.topics = make(map[Topic]struct{})
		}
		for _, t := range topics {
			o.topics[t] = struct{}{}
		}
	}
	o.mu.Unlock()
	o.poke()
}

// putMessage drops the message when too much waits.
func (o *outbox) putMessage(m Message) {
	o.mu.Lock()
	if o.size+len(m.Text) <= maxSent {
		o.messages = append(o.messages, m)
		o.size += len(m.Text)
	}
	o.mu.Unlock()
	o.poke()
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// A notice is the arguments of a NOTIFY.
type notice struct{ channel, payload string }

// take empties the outbox into notices.
func (o *outbox) take(from string) (notices []notice) {
	o.mu.Lock()
	topics, all, messages := o.topics, o.all, o.messages
	o.topics, o.all, o.messages, o.size = nil, false, nil, 0
	o.mu.Unlock()
	put := func(channel, payload string) { notices = append(notices, notice{channel, payload}) }
	if all {
		put(channel, from+" "+anyTopic)
		topics = nil
	}
	var b strings.Builder
	for t := range topics {
		word := " " + t.word()
		if b.Len()+len(word) > maxPayload {
			put(channel, b.String())
			b.Reset()
		}
		if b.Len() == 0 {
			b.WriteString(from)
		}
		b.WriteString(word)
	}
	if b.Len() > 0 {
		put(channel, b.String())
	}
	for _, m := range messages {
		put(messageChannel, from+" "+m.Topic.word()+" "+m.Text)
	}
	return notices
}

// word is a topic in a payload.
func (t Topic) word() string { return strconv.Itoa(int(t.Kind)) + ":" + strconv.FormatInt(t.ID, 36) }

// parseWord is false for what is no topic, or one that only a newer server knows.
func parseWord(word string) (Topic, bool) {
	kind, id, _ := strings.Cut(word, ":")
	k, err1 := strconv.ParseUint(kind, 10, 8)
	n, err2 := strconv.ParseInt(id, 36, 64)
	return Topic{Kind(k), n}, err1 == nil && err2 == nil && k < maxKinds && n >= 0
}
