package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/understudy-ci/understudy/internal/store/db"
	"github.com/understudy-ci/understudy/internal/store/storetest"
)

const (
	apples db.Kind = 1
	pears  db.Kind = 2
)

func insert(ctx context.Context, d *db.DB, name string, topics ...db.Topic) error {
	return d.Update(ctx, func(tx *db.Tx) error {
		tx.Publish(topics...)
		_, err := db.Exec(ctx, tx, insertItem, name, 1)
		return err
	})
}

func woken(s *db.Subscription) bool {
	select {
	case <-s.C():
		return true
	default:
		return false
	}
}

func TestSubscribersHearOfACommitBeforeUpdateReturns(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		one, other := d.Subscribe(db.Topic{Kind: apples, ID: 5}), d.Subscribe(db.Topic{Kind: apples, ID: 6})
		kind, pear := d.Subscribe(db.Topic{Kind: apples}), d.Subscribe(db.Topic{Kind: pears})
		defer pear.Close()
		if err := insert(t.Context(), d, "a", db.Topic{Kind: apples, ID: 5}); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][2]bool{
			"of the thing": {woken(one), true}, "of another": {woken(other), false},
			"of the kind": {woken(kind), true}, "of another kind": {woken(pear), false},
		} {
			if got[0] != got[1] {
				t.Errorf("subscriber %s: woken %v, want %v", name, got[0], got[1])
			}
		}
		if topics, all := kind.Take(); all || !slices.Equal(topics, []db.Topic{{Kind: apples, ID: 5}}) {
			t.Errorf("took %v, all %v", topics, all)
		}
		if err := insert(t.Context(), d, "a", db.Topic{Kind: apples, ID: 5}); err == nil {
			t.Fatal("a name came twice")
		}
		if woken(one) {
			t.Error("woken by a transaction that was undone")
		}
		one.Close()
		d.Publish(db.Topic{Kind: apples, ID: 5})
		if woken(one) {
			t.Error("woken after the end of the subscription")
		}
		other.Close()
		kind.Close()
	})
}

func TestARevisionIsAnotherAfterEachChange(t *testing.T) {
	d := openTest(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	one, other, kind := db.Topic{Kind: apples, ID: 5}, db.Topic{Kind: apples, ID: 6}, db.Topic{Kind: apples}
	read := func() [3]uint64 { return [3]uint64{d.Revision(one), d.Revision(other), d.Revision(kind)} }
	before := read()
	d.Publish(one)
	want := [3]uint64{before[0] + 1, before[1], before[2] + 1}
	if diff := cmp.Diff(want, read()); diff != "" {
		t.Errorf("after a change of one (-want +got):\n%s", diff)
	}
	if got, want := d.Revision(one, other), d.Revision(one)+d.Revision(other); got != want {
		t.Errorf("of two together: %d, want the sum %d", got, want)
	}
}

// What is remembered for a thing may be made of what is remembered for the kind.
func TestWhoSeesAChangeOfAThingSeesThatOfItsKind(t *testing.T) {
	d := openTest(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	one, kind := db.Topic{Kind: apples, ID: 5}, db.Topic{Kind: apples}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200_000 {
			d.Publish(one)
		}
	}()
	for {
		if of, all := d.Revision(one), d.Revision(kind); of > all {
			t.Fatalf("%d changes of a thing, and %d of its kind", of, all)
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

func TestASubscriberWhoIsToldTooMuchLooksAtEverything(t *testing.T) {
	d := openTest(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	s := d.Subscribe(db.Topic{Kind: apples})
	defer s.Close()
	for i := range int64(5000) {
		d.Publish(db.Topic{Kind: apples, ID: i + 1})
	}
	if topics, all := s.Take(); !all || len(topics) > 0 {
		t.Errorf("took %d topics, all %v", len(topics), all)
	}
	d.Publish(db.Topic{Kind: apples, ID: 7})
	if topics, all := s.Take(); all || len(topics) != 1 {
		t.Errorf("then took %v, all %v", topics, all)
	}
}

func TestEverybodyLooksAgainFromTimeToTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := openTest(t, "sqlite:"+filepath.Join(dir, "test.db"))
		stop := run(t, d)
		defer stop()
		s := d.Subscribe(db.Topic{Kind: apples, ID: 1})
		defer s.Close()
		synctest.Wait()
		s.Take()
		woken(s)
		time.Sleep(25 * time.Second) // of the bubble
		if woken(s) {
			t.Error("woken early")
		}
		before := d.Revision(db.Topic{Kind: apples, ID: 1})
		time.Sleep(6 * time.Second)
		if _, all := s.Take(); !woken(s) || !all {
			t.Error("not woken after 31 s")
		}
		if d.Revision(db.Topic{Kind: apples, ID: 1}) == before {
			t.Error("what was remembered is still good after 31 s")
		}
	})
}

// run runs the loop of d until stop, at the latest until the end of the test.
func run(t *testing.T, d *db.DB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- d.Listen(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

// await waits until ok, which takes little time unless something is broken.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not seen in 20 s: %s", what)
		}
	}
}

func steady(d *db.DB) bool {
	first := d.Revision()
	return d.Revision() == first
}

// hears waits until d hears others: two revisions are the same.
func hears(t *testing.T, d *db.DB) {
	t.Helper()
	await(t, "others are heard", func() bool { return steady(d) })
}

func TestAnotherProgramsWriteIsSeen(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d, topic := openTest(t, url), db.Topic{Kind: apples, ID: 1}
		defer run(t, d)()
		hears(t, d)
		s := d.Subscribe(topic)
		defer s.Close()
		before := d.Revision(topic)

		program := openTest(t, url) // runs no loop, like a command for administration
		if err := insert(t.Context(), program, "a", topic); err != nil {
			t.Fatal(err)
		}
		if err := program.Close(); err != nil {
			t.Fatal(err)
		}
		for d.Revision(topic) == before { // it may have been woken by its own start
			select {
			case <-s.C():
			case <-time.After(20 * time.Second):
				t.Fatal("the server was not woken, or what was remembered before is still good")
			}
		}
	})
}

// pair is two servers on one PostgreSQL, which hear each other.
func pair(t *testing.T, url string) (a, b *db.DB) {
	t.Helper()
	a, b = openTest(t, url), openTest(t, url)
	for _, d := range []*db.DB{a, b} {
		t.Cleanup(run(t, d))
		hears(t, d)
	}
	return a, b
}

// eachPair runs a test with two servers. SQLite has one.
func eachPair(t *testing.T, test func(t *testing.T, url string, a, b *db.DB)) {
	t.Helper()
	storetest.EachURL(t, func(t *testing.T, url string) {
		if strings.HasPrefix(url, "sqlite") {
			t.Skip("one server has the file to itself")
		}
		a, b := pair(t, url)
		test(t, url, a, b)
	})
}

func TestServersHearOfEachOthersCommits(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 1 << 40}
		s := b.Subscribe(topic)
		defer s.Close()
		woken(s)
		s.Take()
		before := b.Revision(topic)
		if err := insert(t.Context(), a, "a", topic); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.C():
		case <-time.After(20 * time.Second):
			t.Fatal("not heard")
		}
		if topics, all := s.Take(); all || !slices.Equal(topics, []db.Topic{topic}) {
			t.Errorf("heard %v, all %v; want the topic", topics, all)
		}
		if got := b.Revision(topic); got != before+1 {
			t.Errorf("revision %d after %d, want the next: heard once", got, before)
		}
	})
}

func TestAnAnnouncementIsForOthersOnly(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 3}
		here, there := a.Subscribe(topic), b.Subscribe(topic)
		defer here.Close()
		defer there.Close()
		woken(here)
		a.Announce(topic)
		select {
		case <-there.C():
		case <-time.After(20 * time.Second):
			t.Fatal("the other one did not hear it")
		}
		if woken(here) {
			t.Error("the announcer heard itself")
		}
	})
}

func TestManyTopicsFitIntoNotices(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		const n = 900
		s, want := b.Subscribe(db.Topic{Kind: pears}), map[int64]bool{}
		defer s.Close()
		s.Take()
		var topics []db.Topic
		for i := range int64(n) {
			topics = append(topics, db.Topic{Kind: pears, ID: 1<<50 + i})
			want[1<<50+i] = true
		}
		a.Publish(topics...)
		await(t, "all topics", func() bool {
			topics, all := s.Take()
			for _, t := range topics {
				delete(want, t.ID)
			}
			return all || len(want) == 0
		})
		if len(want) > 0 {
			t.Error("the other server was told that anything may have changed; 900 topics fit into its memory")
		}
		for i := range int64(20_000) {
			topics = append(topics, db.Topic{Kind: pears, ID: i + 1})
		}
		a.Publish(topics...)
		await(t, "more than anybody keeps", func() bool { _, all := s.Take(); return all })
	})
}

// While a server does not hear the others, it remembers nothing; when it hears
// them again, everybody looks at everything.
func TestALostConnectionLosesNothing(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 9}
		s := b.Subscribe(topic)
		defer s.Close()
		for round := range 3 {
			s.Take()
			before := b.Revision(topic)
			// Both listeners go, and the notice of what follows with them, perhaps.
			n, err := db.One(t.Context(), a, db.Value[int64], `select count(pg_terminate_backend(pid)) from pg_stat_activity
				where datname = current_database() and query ilike 'listen%'`)
			if err != nil || n == 0 {
				t.Fatalf("ended %d listeners, %v", n, err)
			}
			if err := insert(t.Context(), a, fmt.Sprint(round), topic); err != nil {
				t.Fatal(err)
			}
			await(t, "the change, or that anything may have changed", func() bool {
				topics, all := s.Take()
				return all || slices.Contains(topics, topic)
			})
			await(t, "another revision", func() bool { return b.Revision(topic) != before })
			hears(t, b)
		}
	})
}

// The other server listens all the time; only who tells it is cut off.
func TestANoticeThatCouldNotBeSentIsMadeUpFor(t *testing.T) {
	eachPair(t, func(t *testing.T, _ string, a, b *db.DB) {
		topic := db.Topic{Kind: apples, ID: 9}
		s := b.Subscribe(topic)
		defer s.Close()
		heard := func() bool {
			topics, all := s.Take()
			return all || slices.Contains(topics, topic)
		}
		for round := range 3 {
			a.Publish(topic)
			await(t, "a notice", heard)
			await(t, "the sender is cut off", func() bool {
				n, err := db.One(t.Context(), a, db.Value[int64], `select count(pg_terminate_backend(pid)) from pg_stat_activity
					where datname = current_database() and pid <> pg_backend_pid() and query like 'select pg_notify%'`)
				if err != nil {
					t.Fatal(err)
				}
				return n == 0
			})
			if err := insert(t.Context(), a, fmt.Sprint(round), topic); err != nil {
				t.Fatal(err)
			}
			await(t, "the change, or that anything may have changed", heard)
		}
	})
}

// The notice is dropped: the writer has no loop, and is not closed.
func TestALostNoticeCostsTheTimeOfACheck(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		o := storetest.Options(t, url)
		o.Migrations, o.Recheck = testSchema, 300*time.Millisecond
		d, topic := openWith(t, o), db.Topic{Kind: apples, ID: 1}
		defer run(t, d)()
		hears(t, d)
		silent := openTest(t, url)
		s := d.Subscribe(topic)
		defer s.Close()
		if err := insert(t.Context(), silent, "a", topic); err != nil {
			t.Fatal(err)
		}
		s.Take()
		before := d.Revision(topic)
		await(t, "that anything may have changed", func() bool { _, all := s.Take(); return all })
		if d.Revision(topic) == before {
			t.Error("what was remembered before is still good")
		}
	})
}

func TestWhoDoesNotHearOthersRemembersNothing(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openTest(t, url) // runs no loop
		if got, want := steady(d), strings.HasPrefix(url, "sqlite"); got != want {
			t.Errorf("two revisions are the same: %v, want %v", got, want)
		}
	})
}
