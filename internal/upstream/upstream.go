// Package upstream brings actions of other hosts here, keeps them, and knows what
// their branches and tags mean.
//
// A workflow that says `uses: owner/repo@ref` gets it from a repository of this server
// first. What is not here is asked for at the hosts that the operator lists, in their
// order, by git. An owner who has an account here, or ever had, is asked for nowhere else:
// a repository that was renamed, or that its reader may not see, never comes from somebody
// else of the same name. A host that cannot be reached ends the search; so nobody who
// has a name at a later one can take the place of an earlier one's.
//
// # What is kept
//
// A commit is fetched once, without its history, and kept as two blobs: its objects, as
// git packs them, by which anybody can check it again, and its files, which runners get. A
// full SHA then never needs the network again. What a branch or tag means is asked again
// after a minute; where its host cannot be reached, it is what it was, and the report of
// the run says when that was. A commit that is named by its SHA must be reachable from a
// branch or tag of its repository, as far as its host tells: many hosts hand out those of
// forks, too, which anybody may have made. What nobody uses goes when there is too much.
// What the operator has imported answers before any host, and stays until it is removed.
//
// # Who waits
//
// Whoever asks for the same thing at the same time waits for one fetch, which goes on
// when its callers are gone. Fetches have places, shared fairly between repositories. What
// is not there is remembered for a minute, and so is a host that cannot be reached.
//
// # Where connections lead
//
// Git runs with a proxy of ours, a tunnel for one fetch: it connects to the host and port
// that the operator listed and to no other, wherever a redirect points. The address is
// looked up and checked by the tunnel, which then connects to that very address. Private
// and loopback addresses are for hosts that were listed as an address, as localhost, or as
// private ones. Credentials belong to one host, and are in files of this user only.
package upstream

import (
	"context"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
	"github.com/understudy-ci/understudy/internal/fair"
	"github.com/understudy-ci/understudy/internal/gitrepo"
	"github.com/understudy-ci/understudy/internal/recent"
	"github.com/understudy-ci/understudy/internal/store"
)

// ErrUnreachable is that of a host that does not answer, or not as git hosts do.
var ErrUnreachable = actions.Errorf(actions.Unavailable, "it cannot be reached")

// Limits bound what is fetched, and how long what was found out counts. A zero field means
// its default.
type Limits struct {
	Connect time.Duration // to look up a host and connect; 3 seconds
	Fetch   time.Duration // one fetch, with all that belongs to it; 3 minutes
	Idle    time.Duration // in which no byte comes; 30 seconds
	Bytes   int64         // that come over the network in one fetch, and of one pack; 1 GiB
	Files   int64         // all files of one commit; 2 GiB
	Quota   int64         // all that was fetched; 10 GiB
	Fresh   time.Duration // in which a branch or tag is not asked for again; 1 minute
	Missing time.Duration // in which what was not there is not asked for again; 1 minute
	Away    time.Duration // in which a host is taken for what it was, reachable or not; 1 minute
	AtOnce  int           // fetches at the same time; 4, half of them for one repository

	// For an action that the server carries itself nobody waits long.
	StandInProbe time.Duration // to see whether its host can be reached, once; 1 second
	StandIn      time.Duration // for a fetch; 10 seconds
}

func (l Limits) withDefaults() Limits {
	or(&l.Connect, 3*time.Second)
	or(&l.Fetch, 3*time.Minute)
	or(&l.Idle, 30*time.Second)
	or(&l.Bytes, 1<<30)
	or(&l.Files, 2<<30)
	or(&l.Quota, 10<<30)
	or(&l.Fresh, time.Minute)
	or(&l.Missing, time.Minute)
	or(&l.Away, time.Minute)
	or(&l.AtOnce, 4)
	or(&l.StandInProbe, time.Second)
	or(&l.StandIn, 10*time.Second)
	return l
}

func or[T int | int64 | time.Duration](v *T, byDefault T) {
	if *v <= 0 {
		*v = byDefault
	}
}

// Config is what New needs. The fields before the empty line are required.
type Config struct {
	Store  *store.Store
	Blobs  blob.Store
	Git    *gitrepo.Git
	Log    *slog.Logger
	Now    func() time.Time
	Random io.Reader
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	Hosts  []*Host // in their order; none: what is not kept is not found
	CAFile string  // that certificates of hosts are checked by; empty for those of the system
	Limits Limits
}

// An Upstream is safe for concurrent use.
type Upstream struct {
	Config
	places *fair.Places[int64]
	misses *recent.Cache[wanted, miss]
	life   context.Context // of fetches
	end    context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	flights map[wanted]*flight
	states  map[string]*state // of hosts, by their URL
}

// wanted is what a host is asked for; without a ref, the repository.
type wanted struct{ host, name, ref string }

// A miss is when something was not there, and what was said.
type miss struct {
	at  time.Time
	err error
}

const maxMisses = 10_000 // that are remembered

// New makes an upstream. It connects nowhere until it is asked.
func New(c Config) *Upstream {
	c.Limits = c.Limits.withDefaults()
	u := &Upstream{
		Config: c, places: fair.New[int64](c.Limits.AtOnce), misses: recent.New[wanted, miss](maxMisses, maxMisses),
		flights: make(map[wanted]*flight), states: make(map[string]*state),
	}
	u.life, u.end = context.WithCancel(context.Background())
	for _, h := range c.Hosts {
		u.states[h.URL] = new(state)
	}
	return u
}

// Close ends fetches that are under way.
func (u *Upstream) Close() {
	u.end()
	u.wg.Wait()
}

// Open opens the files of a kept action: a gzipped tar with one directory at the top.
func (u *Upstream) Open(ctx context.Context, a *actions.KeptAction) (io.ReadCloser, error) {
	return u.Blobs.Open(ctx, a.Archive.Key)
}

// Lock writes down what the actions that a job uses stand for, for the report of its run.
func (u *Upstream) Lock(ctx context.Context, job *actions.Job, list []*actions.LockedAction) error {
	return u.Store.UpdateRelaxed(ctx, func(tx *store.Tx) error { return tx.LockActions(ctx, job.RunID, job.Attempt, list) })
}
