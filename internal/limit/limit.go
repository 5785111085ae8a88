// Package limit says how much each caller may have of the server, so that none of
// them takes it from the others.
//
// A [Caller] is who sends a request: an account, a job, a runner, or an address
// where nobody has signed in. Each has a rate of requests, of which it may save up
// a minute's worth, and a number of things that it may do at the same time. All of
// them together have more, and it is shared as package fair does. What the numbers
// are stands in [Table]; an operator can change each.
//
// Two things happen to who wants more. Fetches and pushes wait for their turn, for a
// while. Anything else is refused at once ([Error]), and told when to come again.
//
// Nothing here survives a restart. Of the callers that were heard of last, 10,000
// are remembered; one that is forgotten has saved up all that it can.
package limit

import (
	"context"
	"math"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/understudy-ci/understudy/internal/fair"
	"github.com/understudy-ci/understudy/internal/recent"
)

// A Kind is what a caller is.
type Kind string

// The kinds of callers.
const (
	Account    Kind = "account"
	Job        Kind = "job"        // by a token that it got
	Runner     Kind = "runner"     // by its own token
	Repository Kind = "repository" // by a signed URL of what it keeps
	Address    Kind = "address"    // who has not signed in
)

// A Caller is who is limited.
type Caller struct {
	Kind Kind
	ID   int64        // of an account, job, runner or repository
	Net  netip.Prefix // of an address
}

// AddressOf is the caller at an address. One machine has a whole network of IPv6
// addresses.
func AddressOf(a netip.Addr) Caller {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil { // there is no address
		return Caller{Kind: Address}
	}
	return Caller{Kind: Address, Net: p}
}

// A Limiter is safe for concurrent use.
type Limiter struct {
	values  Values
	now     func() time.Time
	buckets *recent.Cache[Caller, *rate.Limiter]
	places  map[Work]*places
	held    held
}

// places are shared between those who have signed in, and half as many between
// those who have not.
type places struct{ known, unknown *fair.Places[Caller] }

const (
	maxCallers = 10_000 // that are remembered
	savedUp    = 60     // seconds of its rate that a caller may save up
)

// New makes a limiter. It starts nothing.
func New(v Values, now func() time.Time) *Limiter {
	l := &Limiter{
		values: v, now: now, buckets: recent.New[Caller, *rate.Limiter](maxCallers, maxCallers), places: make(map[Work]*places),
		held: held{by: make(map[Caller]int64)},
	}
	for _, w := range works {
		all := v.get(w.all)
		l.places[w.work] = &places{fair.New[Caller](all), fair.New[Caller](max(all/2, 1))}
	}
	return l
}

func (l *Limiter) placesOf(w Work, c Caller) *fair.Places[Caller] {
	if c.Kind == Address {
		return l.places[w].unknown
	}
	return l.places[w].known
}

// A Request is what the limiter must know of one.
type Request struct {
	Caller Caller
	Work   Work // what it does for as long as it lasts

	Own  bool // from the server's own machine: it is refused only where there is no room for anybody
	Free bool // it does not count as a request
}

// A Visit is a request that was let in. The zero Visit has no limits, as nil.
type Visit struct {
	limiter *Limiter
	request Request
	leave   func()

	mu   sync.Mutex
	held int64 // bytes
}

// Begin lets a request in, or refuses it. The caller calls End in the end, and has a
// visit in any case: what it says of the rate stands in the refusal, too.
func (l *Limiter) Begin(q Request) (*Visit, error) {
	v := &Visit{limiter: l, request: q}
	if !q.Own && !q.Free {
		if now := l.now(); !l.bucket(q.Caller).AllowN(now, 1) {
			return v, tooOften(q.Caller, v.untilNext(now))
		}
	}
	if err := l.held.check(q, l.values); err != nil {
		return v, err
	}
	places, most := l.placesOf(q.Work, q.Caller), l.most(q.Caller, q.Work)
	if q.Own {
		most = math.MaxInt
	}
	leave, ok := places.TryEnter(q.Caller, most)
	if !ok {
		if own, _ := places.Held(q.Caller); own < most {
			return v, full(string(q.Work), retry)
		}
		return v, tooMuch(string(q.Work), retry)
	}
	v.leave = leave
	return v, nil
}

// most is how much of some work a caller may do at the same time.
func (l *Limiter) most(c Caller, w Work) int {
	most := l.values.get(worksBy[w].each)
	if c.Kind == Repository {
		most *= repositoryShare
	}
	return most
}

// repositoryShare is how much more than one caller a repository may have, which
// stands for its jobs.
const repositoryShare = 5

// End ends a visit.
func (v *Visit) End() {
	if v.leave != nil {
		v.leave()
		v.leave = nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.held != 0 {
		v.limiter.held.add(v.request.Caller, -v.held)
		v.held = 0
	}
}

func (l *Limiter) bucket(c Caller) *rate.Limiter {
	if b, ok := l.buckets.Get(c); ok {
		return b
	}
	perSecond := l.values.get(rates[c.Kind])
	b := rate.NewLimiter(rate.Limit(perSecond), savedUp*perSecond)
	l.buckets.Put(c, b, 1)
	return b
}

// A Rate is what a caller has left of its requests.
type Rate struct {
	Limit     int // that it may save up
	Remaining int
	Reset     time.Time // when all are there again; with none remaining, when the next is let in
}

// Rate is what the caller has left. One without a limiter has all.
func (v *Visit) Rate(now time.Time) Rate {
	if v == nil || v.limiter == nil {
		all := savedUp * Defaults().get(rates[Account])
		return Rate{all, all, now}
	}
	b := v.limiter.bucket(v.request.Caller)
	r := Rate{Limit: b.Burst(), Remaining: b.Burst(), Reset: now}
	if v.request.Own {
		return r
	}
	tokens := b.TokensAt(now)
	r.Remaining = max(int(tokens), 0)
	if r.Remaining == 0 {
		r.Reset = now.Add(v.untilNext(now))
	} else {
		r.Reset = now.Add(timeFor(float64(r.Limit)-tokens, b))
	}
	return r
}

// untilNext is when the caller's next request is let in.
func (v *Visit) untilNext(now time.Time) time.Duration {
	b := v.limiter.bucket(v.request.Caller)
	return timeFor(1-b.TokensAt(now), b)
}

// timeFor is how long so many requests take to be saved up.
func timeFor(requests float64, b *rate.Limiter) time.Duration {
	return max(time.Duration(requests/float64(b.Limit())*float64(time.Second)), 0)
}

// Enter waits until the visitor may do some work beside its request. The caller calls
// leave in the end. Without a limiter anybody may do anything.
func (v *Visit) Enter(ctx context.Context, w Work) (leave func(), err error) {
	if v == nil || v.limiter == nil {
		return func() {}, nil
	}
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	q := v.request
	leave, err = v.limiter.placesOf(w, q.Caller).Enter(wait, q.Caller, v.limiter.most(q.Caller, w))
	if err != nil && ctx.Err() == nil {
		return nil, tooMuch(string(w), patience)
	}
	return leave, err
}

// patience is how long fetches and pushes wait for their turn.
const patience = 20 * time.Second

type visitKey struct{}

// With is ctx of a request that was let in.
func With(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// Of is the visit of a request, nil where no server has let it in.
func Of(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	return v
}
