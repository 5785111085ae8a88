package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A plan says how often what is done to a server under load.
type plan struct {
	bundled              int // runners of the server, among those that are killed
	server, runner, both int // killed
	stops                int // of its database
	fills                int // of its disk
	freezes              int // of the server
}

// A campaign does to one server, its runners, its database and its disk what a plan
// says, in an order and at moments that come from a seed.
type campaign struct {
	*server
	random  *rand.Rand
	db      *database  // nil for SQLite
	disk    *smallDisk // nil for one that is never full
	victims []*victim
	loads   []*load
	first   time.Duration   // from a launch until the server is ready, without load
	starts  []time.Duration // the same of the others
}

// A victim is a runner that is killed, and when.
type victim struct {
	name  string
	own   *runner // nil for one of the server's, which starts it again itself
	kills []time.Time
}

const (
	campaignLease = 6 * time.Second
	longestLife   = 1500 * time.Millisecond // between two faults
	victims       = 6
	calmEvery     = 10 // faults; then those jobs end that have lost their runner
)

// Each push and dispatch that was answered has exactly one set of runs, no job is
// started twice, none fails whose runner lives, logs and artifacts are whole, no
// client is told that the server is broken, and that is ready soon after each start.
//
// It is run with UNDERSTUDY_TEST_CAMPAIGN=short, which takes about a minute, or full, a
// quarter of an hour at most. UNDERSTUDY_TEST_SEED is a number that gives the faults of an earlier
// time again; how they meet the load is another matter each time.
func TestFaultsCostNothingThatWasAnswered(t *testing.T) {
	t.Parallel()
	campaign := os.Getenv("UNDERSTUDY_TEST_CAMPAIGN")
	if campaign == "" {
		t.Skip("no campaign: set UNDERSTUDY_TEST_CAMPAIGN to short or full")
	}
	plans := map[string]plan{
		"sqlite":   {server: 5, runner: 2, both: 2, fills: 1, freezes: 1},
		"postgres": {bundled: 2, server: 5, runner: 2, both: 2, stops: 1, freezes: 1},
	}
	most := patience
	if campaign == "full" {
		plans = map[string]plan{
			"sqlite":   {server: 80, runner: 30, both: 40, fills: 12, freezes: 3},
			"postgres": {bundled: 2, server: 80, runner: 30, both: 40, stops: 12, freezes: 3},
		}
		most = 12 * time.Minute
	}
	seed := rand.Uint64()
	if text := os.Getenv("UNDERSTUDY_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("UNDERSTUDY_TEST_SEED: %v", err)
		}
	}
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needNode(t)
			t.Logf("UNDERSTUDY_TEST_SEED=%d", seed)
			if os.Geteuid() != 0 && p.fills > 0 {
				t.Log("no disk is filled up: to mount one takes root")
				p.fills = 0
			}
			c := newCampaign(t, rand.New(rand.NewPCG(seed, seed)), p)
			c.run(p, time.Now().Add(most))
		})
	}
}

// newCampaign starts the server, its runners and nothing else.
func newCampaign(t *testing.T, random *rand.Rand, p plan) *campaign {
	t.Helper()
	s := newServer(t, "--runners", strconv.Itoa(p.bundled), "--job-lease", campaignLease.String())
	c := &campaign{server: s, random: random}
	if p.stops > 0 {
		c.db = newDatabase(t)
		s.args = append(s.args, "--database", c.db.url)
	}
	if p.fills > 0 {
		c.disk = newSmallDisk(t, s, "512m")
	}
	s.start()
	s.kill()
	c.first = s.again()
	for i := range victims {
		v := &victim{name: fmt.Sprintf("bundled-%d", i+1)}
		if i >= p.bundled {
			v.name = fmt.Sprintf("own-%d", i+1)
			v.own = newRunner(t, "--url", s.url+"/enterprises/understudy", "--token", s.registrationToken("/enterprises/understudy"),
				"--name", v.name, "--labels", "ubuntu-latest")
		}
		c.victims = append(c.victims, v)
	}
	return c
}

// run does all that the plan says, and checks what is there in the end.
func (c *campaign) run(p plan, deadline time.Time) {
	c.t.Helper()
	live := c.newRepository("hello")
	live.newRunner("safe", "safe")
	h := live.hold("safe")
	ctx, stop := context.WithDeadline(c.t.Context(), deadline)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for _, name := range []string{"one", "two"} {
		c.loads = append(c.loads, c.newLoad(name))
	}
	for _, l := range c.loads {
		l.run(ctx, &wg)
	}
	asked := newCrowd(ctx, &wg, c.server, 200*time.Millisecond)
	faults := c.faults(p)
	began := time.Now()
	for i, fault := range faults {
		c.last(0, longestLife)
		if i%calmEvery == calmEvery-1 {
			c.last(campaignLease, campaignLease*2)
		}
		if ctx.Err() != nil {
			c.t.Errorf("time is up after %d of %d faults", i, len(faults))
			break
		}
		fault()
		if n := i + 1; n%25 == 0 || n == len(faults) {
			c.t.Logf("%d of %d faults in %.0f s: %s, %s", n, len(faults), time.Since(began).Seconds(), c.loads[0], c.loads[1])
		}
	}
	stop()
	wg.Wait()
	h.gate.open()
	live.checkLog(live.conclude(h.run, "success"), h.gate)
	for _, l := range c.loads {
		l.check()
	}
	asked.check(c.t)
	c.wantNoFailures()
	c.checkStarts()
}

// faults are those of the plan in a random order.
func (c *campaign) faults(p plan) (all []func()) {
	add := func(n int, fault func()) {
		for range n {
			all = append(all, fault)
		}
	}
	add(p.server, c.killServer)
	add(p.runner, func() { c.killRunner(nil) })
	add(p.both, func() { c.killRunner(c.killServer) })
	add(p.stops, c.stopDatabase)
	add(p.fills, c.fillDisk)
	add(p.freezes, c.freezeServer)
	c.random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// killServer kills the server and starts it again; sometimes that is killed, too,
// before it is ready.
func (c *campaign) killServer() {
	c.t.Helper()
	c.kill()
	for c.random.IntN(5) == 0 {
		c.launch()
		c.last(0, 100*time.Millisecond)
		c.kill()
	}
	c.starts = append(c.starts, c.again())
}

// again starts a server that was killed, and returns how long it took until it was
// ready.
func (s *server) again() time.Duration {
	s.t.Helper()
	began := time.Now()
	s.launch()
	s.untilReady(patience)
	return time.Since(began)
}

// killRunner kills a runner and starts it again. Meanwhile something else happens.
func (c *campaign) killRunner(meanwhile func()) {
	c.t.Helper()
	n := c.random.IntN(len(c.victims))
	v := c.victims[n]
	if v.own != nil {
		v.own.kill()
	}
	for _, pid := range runnersIn(filepath.Join(c.data+"-runners", strconv.Itoa(n+1))) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // an error is that it has just ended
	}
	v.kills = append(v.kills, time.Now())
	if meanwhile != nil {
		meanwhile()
	} else {
		c.last(0, 300*time.Millisecond)
	}
	if v.own != nil {
		v.own.restart(c.t)
	}
}

// stopDatabase stops PostgreSQL for 3 to 9 seconds. The server may be killed before it
// is back.
func (c *campaign) stopDatabase() {
	c.t.Helper()
	begin, end := c.db.crash, c.db.start
	if c.random.IntN(3) == 0 {
		begin, end = c.db.freeze, c.db.thaw
	}
	begin()
	c.last(3*time.Second, 9*time.Second)
	dies := c.random.IntN(3) == 0
	if dies {
		c.kill()
	}
	end()
	if dies {
		c.starts = append(c.starts, c.again())
	}
	c.untilReady(patience)
}

// fillDisk leaves little room or none on the disk for some seconds, in which the
// server may be killed.
func (c *campaign) fillDisk() {
	c.t.Helper()
	c.disk.leave(max(c.random.Int64N(64<<10)-32<<10, 0))
	c.last(2*time.Second, 5*time.Second)
	if c.random.IntN(2) == 0 {
		c.kill()
		c.launch()
		c.last(time.Second, 3*time.Second)
	}
	c.disk.clear()
	c.untilReady(patience)
}

// freezeServer stops the server without an end for longer than the lease.
func (c *campaign) freezeServer() {
	c.t.Helper()
	c.freeze(c.t)
	c.last(campaignLease, campaignLease*3/2)
	c.thaw(c.t)
	c.untilReady(patience)
}

// last lets a random time go by.
func (c *campaign) last(least, most time.Duration) {
	<-time.After(least + time.Duration(c.random.Int64N(int64(most-least)))) // at a random time, on purpose
}
