package db

import (
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"
)

const (
	// MaxMessage is how many bytes a message has at most.
	MaxMessage = maxPayload - 100 // the rest says where it comes from and what it is about

	maxInbox = 256     // messages that wait in an inbox
	maxSent  = 1 << 20 // bytes that wait to be sent
)

// A Message is a text that another server has sent.
type Message struct {
	Topic Topic // what it is about
	Text  string
}

// An Inbox receives messages from when it was made until Close.
type Inbox struct {
	feed  *feed
	topic Topic
	ch    chan Message
}

// C receives messages. What comes while too many of them wait is dropped.
func (i *Inbox) C() <-chan Message { return i.ch }

// Close ends the inbox. C is not closed.
func (i *Inbox) Close() {
	i.feed.inboxes.mu.Lock()
	defer i.feed.inboxes.mu.Unlock()
	of := i.feed.inboxes.by[i.topic]
	delete(of, i)
	if len(of) == 0 {
		delete(i.feed.inboxes.by, i.topic)
	}
}

// Send gives a text to the inboxes that other servers have for the topic. It is for
// what helps now and may be lost: it is when too much of it waits, when a server cannot
// be reached, or when nobody has an inbox. A text has at most [MaxMessage] bytes of
// UTF-8, without a zero character.
func (d *DB) Send(t Topic, text string) {
	if len(text) > MaxMessage || !utf8.ValidString(text) || strings.Contains(text, "\x00") {
		d.log.Warn("message not sent: no text, or too long", slog.Int("bytes", len(text)))
		return
	}
	d.engine.send(Message{t, text})
}

// Receive makes an inbox for messages about a topic, which the caller closes. With ID 0
// it receives those about everything of the kind.
func (d *DB) Receive(t Topic) *Inbox {
	i := &Inbox{feed: d.feed, topic: t, ch: make(chan Message, maxInbox)}
	d.feed.inboxes.mu.Lock()
	defer d.feed.inboxes.mu.Unlock()
	all := &d.feed.inboxes.by
	if *all == nil {
		*all = make(map[Topic]map[*Inbox]struct{})
	}
	if (*all)[t] == nil {
		(*all)[t] = make(map[*Inbox]struct{})
	}
	(*all)[t][i] = struct{}{}
	return i
}

// inboxes are those of this server.
type inboxes struct {
	mu sync.Mutex
	by map[Topic]map[*Inbox]struct{}
}

// deliver puts a message into the inboxes for it.
func (f *feed) deliver(m Message) {
	f.inboxes.mu.Lock()
	defer f.inboxes.mu.Unlock()
	for _, t := range []Topic{m.Topic, {Kind: m.Topic.Kind}} {
		for i := range f.inboxes.by[t] {
			select {
			case i.ch <- m:
			default: // it may be lost
			}
		}
		if m.Topic.ID == 0 {
			return
		}
	}
}
