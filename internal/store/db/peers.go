package db

import (
	"sync"
	"time"
)

const (
	peerTime = time.Minute // after its last notice, until a server counts no more
	maxPeers = 1000
)

// peers are the other servers on a database that were heard of lately.
type peers struct {
	now func() time.Time

	mu    sync.Mutex
	heard map[string]time.Time // by id
}

// hear notes a notice of another server.
func (p *peers) hear(id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.heard[id]; known || len(p.heard) < maxPeers {
		p.heard[id] = p.now()
	}
}

// rank is which of the servers is that with the id, counted from 0, and how many there are.
func (p *peers) rank(id string) (rank, servers int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	servers = 1
	for other, at := range p.heard {
		switch {
		case p.now().Sub(at) > peerTime:
			delete(p.heard, other)
			continue
		case other < id:
			rank++
		}
		servers++
	}
	return rank, servers
}

// Rank says which this server is among those that use the database, counted from 0,
// and how many they are. Others count when they have told of a change in the last
// minute, so that two servers may disagree for a while: it is good for sharing work
// out, and for nothing that must be right.
func (d *DB) Rank() (rank, servers int) { return d.engine.rank() }
