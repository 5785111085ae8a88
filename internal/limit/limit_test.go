package limit_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/limit"
)

var (
	alice = limit.Caller{Kind: limit.Account, ID: 7}
	bob   = limit.Caller{Kind: limit.Account, ID: 8}
)

// values are the table's but for some.
func values(t *testing.T, others map[string]int64) limit.Values {
	t.Helper()
	v, err := limit.Defaults().With(others)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func at(address string) limit.Caller { return limit.AddressOf(netip.MustParseAddr(address)) }

func TestACallerHasARateOfItsOwn(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := limit.New(values(t, map[string]int64{"account-requests": 2}), func() time.Time { return now })
	ask := func(c limit.Caller) error {
		v, err := l.Begin(limit.Request{Caller: c, Work: limit.Answer})
		v.End()
		return err
	}
	const saved = 2 * 60
	for i := range saved {
		if err := ask(alice); err != nil {
			t.Fatalf("request %d of %d: %v", i+1, saved, err)
		}
	}
	err := ask(alice)
	var refusal *limit.Error
	if !errors.As(err, &refusal) || actions.KindOf(err) != actions.TooMany || refusal.RetryAfter() != "1" ||
		!strings.HasPrefix(err.Error(), "API rate limit exceeded for user ID 7.") || !strings.HasSuffix(refusal.Documentation(), "#about-primary-rate-limits") {
		t.Errorf("one too many: %v, %+v", err, refusal)
	}
	if err := ask(bob); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	now = now.Add(time.Second)
	for i, want := range []actions.Kind{"", "", actions.TooMany} {
		if got := actions.KindOf(ask(alice)); got != want {
			t.Errorf("request %d of the next second: %q, want %q", i+1, got, want)
		}
	}
}

func TestWhatIsLeftOfARateIsTold(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := limit.New(values(t, map[string]int64{"account-requests": 1}), func() time.Time { return now })
	var v *limit.Visit
	for left := 59; left >= 0; left-- {
		v, _ = l.Begin(limit.Request{Caller: alice, Work: limit.Answer})
		v.End()
		r := v.Rate(now)
		reset := now.Add(time.Duration(60-left) * time.Second)
		if left == 0 {
			reset = now.Add(time.Second) // when the next one is let in
		}
		if r.Limit != 60 || r.Remaining != left || !r.Reset.Equal(reset) {
			t.Fatalf("got %+v, want %d of 60 until %s", r, left, reset)
		}
	}
	own, err := l.Begin(limit.Request{Caller: alice, Work: limit.Answer, Own: true})
	if r := own.Rate(now); err != nil || r.Remaining != r.Limit {
		t.Errorf("on the server's own machine: %+v, %v", r, err)
	}
	free, err := l.Begin(limit.Request{Caller: alice, Work: limit.Answer, Free: true})
	if r := free.Rate(now); err != nil || r.Remaining != 0 {
		t.Errorf("who asks what is left: %+v, %v", r, err)
	}
	var none *limit.Visit
	if r := none.Rate(now); r.Remaining != r.Limit || r.Limit == 0 {
		t.Errorf("without a limiter: %+v", r)
	}
}

func TestACallerHasSoManyRequestsAtTheSameTime(t *testing.T) {
	l := limit.New(values(t, map[string]int64{"requests": 2, "all-requests": 3}), time.Now)
	begin := func(q limit.Request) (*limit.Visit, error) {
		q.Work = limit.Answer
		return l.Begin(q)
	}
	first, _ := begin(limit.Request{Caller: alice})
	if _, err := begin(limit.Request{Caller: alice}); err != nil {
		t.Errorf("the second of two: %v", err)
	}
	_, err := begin(limit.Request{Caller: alice})
	var refusal *limit.Error
	if !errors.As(err, &refusal) || actions.KindOf(err) != actions.TooMany || !strings.Contains(err.Error(), "secondary rate limit") ||
		!strings.HasSuffix(refusal.Documentation(), "secondary-rate-limits") {
		t.Errorf("the third of two: %v", err)
	}
	if _, err := begin(limit.Request{Caller: bob}); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if _, err := begin(limit.Request{Caller: bob, Own: true}); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("the fourth of three: %v", err)
	}
	first.End()
	first.End()
	if _, err := begin(limit.Request{Caller: bob}); err != nil {
		t.Errorf("when one is over: %v", err)
	}
	if _, err := l.Begin(limit.Request{Caller: limit.Caller{Kind: limit.Runner, ID: 1}, Work: limit.Reserved}); err != nil {
		t.Errorf("a runner has no room: %v", err)
	}
}

func TestThoseWhoHaveNotSignedInLeaveHalfToOthers(t *testing.T) {
	l := limit.New(values(t, map[string]int64{"all-streams": 4}), time.Now)
	for i, want := range []actions.Kind{"", "", actions.Unavailable} {
		if _, err := l.Begin(limit.Request{Caller: at("192.0.2.1"), Work: limit.Stream}); actions.KindOf(err) != want {
			t.Errorf("stream %d: %v, want %q", i+1, err, want)
		}
	}
	if _, err := l.Begin(limit.Request{Caller: alice, Work: limit.Stream}); err != nil {
		t.Error(err)
	}
}

func TestWorkWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limit.New(values(t, map[string]int64{"fetches": 1}), time.Now)
		v, _ := l.Begin(limit.Request{Caller: alice, Work: limit.Answer, Own: true})
		leave, err := v.Enter(t.Context(), limit.Fetch)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if _, err := v.Enter(t.Context(), limit.Fetch); actions.KindOf(err) != actions.TooMany || time.Since(begin) < 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		time.AfterFunc(time.Second, leave)
		if _, err := v.Enter(t.Context(), limit.Fetch); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Enter(ctx, limit.Fetch); !errors.Is(err, context.Canceled) {
			t.Errorf("who has gone: %v", err)
		}
	})
}

func TestWhoDoesNotReadGetsNoMore(t *testing.T) {
	l := limit.New(values(t, map[string]int64{"bytes": 100, "all-bytes": 150}), time.Now)
	kind := func(c limit.Caller, w limit.Work) actions.Kind {
		v, err := l.Begin(limit.Request{Caller: c, Work: w, Own: true})
		v.End()
		return actions.KindOf(err)
	}
	v, _ := l.Begin(limit.Request{Caller: alice, Work: limit.Answer})
	if err := v.Hold(101); actions.KindOf(err) != actions.TooMany {
		t.Errorf("101 bytes of 100: %v", err)
	}
	if got := kind(alice, limit.Answer); got != actions.TooMany {
		t.Errorf("who has 101 bytes of 100: %q", got)
	}
	if got := kind(bob, limit.Answer); got != "" {
		t.Errorf("somebody else: %q", got)
	}
	w, _ := l.Begin(limit.Request{Caller: bob, Work: limit.Answer})
	if err := w.Hold(90); actions.KindOf(err) != actions.Unavailable {
		t.Errorf("191 bytes of 150 in all: %v", err)
	}
	if got := kind(bob, limit.Answer); got != actions.Unavailable {
		t.Errorf("with 191 bytes of 150 in all: %q", got)
	}
	if got := kind(bob, limit.Reserved); got != "" {
		t.Errorf("a runner's: %q", got)
	}
	if err := v.Hold(-50); err != nil {
		t.Error(err)
	}
	v.End()
	if got := kind(alice, limit.Answer); got != "" {
		t.Errorf("when all is read: %q", got)
	}
}

func TestAnAddressIsThatOfAMachine(t *testing.T) {
	for _, same := range [][2]string{{"192.0.2.1", "::ffff:192.0.2.1"}, {"2001:db8::1", "2001:db8::ffff:2"}, {"fe80::1%eth0", "fe80::1"}} {
		if at(same[0]) != at(same[1]) {
			t.Errorf("%v are two", same)
		}
	}
	for _, others := range [][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8:0:1::1"}} {
		if at(others[0]) == at(others[1]) {
			t.Errorf("%v are one", others)
		}
	}
}

func TestLimitsAreSetByTheirNames(t *testing.T) {
	v := values(t, map[string]int64{"fetches": 3})
	if v.Get(limit.Fetches) != 3 || v.Get(limit.Pushes) != limit.Defaults().Get(limit.Pushes) || limit.Defaults().Get(limit.Fetches) == 3 {
		t.Errorf("got %v", v)
	}
	for name, n := range map[string]int64{"fetch": 3, "": 1, "fetches": 0, "pushes": -1, "bytes": 1 << 50} {
		if _, err := limit.Defaults().With(map[string]int64{name: n}); actions.KindOf(err) != actions.Invalid || name != "" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%d: %v", name, n, err)
		}
	}
}
