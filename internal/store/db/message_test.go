package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/understudy-ci/understudy/internal/store/db"
)

// next is the next message of an inbox.
func next(t *testing.T, in *db.Inbox) db.Message {
	t.Helper()
	select {
	case m := <-in.C():
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no message came")
	}
	return db.Message{}
}

func TestAMessageReachesTheInboxesOfOtherServers(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 1 << 40}
		one, all, other, own := b.Receive(topic), b.Receive(db.Topic{Kind: apples}), b.Receive(db.Topic{Kind: apples, ID: 2}), a.Receive(topic)
		revision := b.Revision(topic)
		for _, text := range []string{"", "first * 1:1 line\nand ünother", strings.Repeat("x", db.MaxMessage)} {
			a.Send(topic, text)
			for _, in := range []*db.Inbox{one, all} {
				if got, want := next(t, in), (db.Message{Topic: topic, Text: text}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		}
		if got := b.Revision(topic); got != revision {
			t.Error("a message counts as a change")
		}
		one.Close()
		a.Send(topic, "last")
		next(t, all)
		for _, in := range []*db.Inbox{one, other, own} {
			select {
			case m := <-in.C():
				t.Errorf("got %+v, want nothing", m)
			default:
			}
			in.Close()
		}
	})
}

// Neither those that PostgreSQL refuses, nor too many.
func TestMessagesThatCannotBeSentStopNoOthers(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 1}
		in := b.Receive(topic)
		defer in.Close()
		a.Send(topic, strings.Repeat("x", db.MaxMessage+1))
		a.Send(topic, "zero \x00")
		a.Send(topic, "no text \xff")
		for range 1000 { // nobody reads them
			a.Send(topic, strings.Repeat("x", db.MaxMessage))
		}
		changed := b.Subscribe(topic)
		defer changed.Close()
		a.Announce(topic)
		<-changed.C()
		for range len(in.C()) {
			<-in.C()
		}
		a.Send(topic, "ok")
		for next(t, in).Text != "ok" {
			continue
		}
	})
}
