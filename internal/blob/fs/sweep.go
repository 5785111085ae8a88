package fs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"syscall"
)

// A census is what this process knows of a pack. Another process may know more:
// then space comes back later.
type census struct {
	alive int64 // bytes of living records when it was last walked; -1 if it never was
	dead  int64 // bytes that died since
}

// worth tells whether walking the pack again would free enough: in all, packs
// are walked about as far as they shrink.
func (c census) worth() bool { return c.dead > 0 && 2*c.dead >= c.alive }

// died notes that n bytes of a pack are dead.
func (s *Store) died(id packID, n int64) {
	if p := s.pack.Load(); p != nil && p.id == id {
		p.alive.Add(-n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.known[id.name()]; c != nil {
		c.dead += n
	} else {
		s.known[id.name()] = &census{alive: -1, dead: n}
	}
}

// sweepPacks recovers what crashes have left and frees what is dead.
func (s *Store) sweepPacks(ctx context.Context) error {
	if err := s.retireDead(ctx); err != nil {
		return err
	}
	there := map[string]bool{}
	err := s.packs(ctx, func(id packID) error {
		there[id.name()] = true
		return s.sweepPack(id)
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.known, func(name string, _ *census) bool { return !there[name] })
	return nil
}

// muchDead is how much is dead in a pack that this process gives up for it.
const muchDead = 4 << 20

// retireDead gives up the pack of this process when there is little life in it.
func (s *Store) retireDead(ctx context.Context) error {
	select {
	case s.appending <- struct{}{}:
		defer func() { <-s.appending }()
	case <-ctx.Done():
		return ctx.Err()
	}
	p := s.pack.Load()
	if p == nil {
		return nil
	}
	alive := p.alive.Load()
	gone := p.written.Load() - headerSize - alive
	if alive > 0 && (gone < muchDead || gone < alive) {
		return nil
	}
	return s.retire()
}

// sweepPack sweeps a pack that nobody writes.
func (s *Store) sweepPack(id packID) (err error) {
	if p := s.pack.Load(); p != nil && p.id == id {
		return nil
	}
	known, worth := s.worth(id)
	if known && !worth {
		return nil
	}
	f, err := os.OpenFile(s.packPath(id), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lock(f); errors.Is(err, syscall.EWOULDBLOCK) {
		if worth {
			s.died(id, 1) // another time
		}
		return nil // it has a writer, or is being swept
	} else if err != nil {
		return err
	}
	sealed, err := isSealed(f)
	if err == nil && !sealed {
		err = s.recover(f)
	}
	if err != nil {
		return err
	}
	if sealed && !known {
		s.count(id, -1) // until something dies
		return nil
	}
	return s.reclaim(f, id)
}

// empty notes that nothing lives in a pack, so that Sweep looks at it.
func (s *Store) empty(id packID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[id.name()] = &census{dead: 1}
}

// worth tells whether there is a census of a pack, and whether its dead are
// worth a walk. Then they are not counted for the next.
func (s *Store) worth(id packID) (known, worth bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.known[id.name()]
	if c == nil || !c.worth() {
		return c != nil, false
	}
	c.dead = 0
	return true, true
}

// count notes what a walk has found.
func (s *Store) count(id packID, alive int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.known[id.name()]; c != nil {
		c.alive = alive
	} else {
		s.known[id.name()] = &census{alive: alive}
	}
}

// recover ends a pack after its last whole record and seals it. Records that
// power loss has damaged, which nobody was promised, die.
func (s *Store) recover(f *os.File) error {
	buf, _ := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	end, err := walk(f, func(offset int64, h header) error {
		content := (*buf)[headerSize : headerSize+int(h.size)]
		if _, err := f.ReadAt(content, offset+headerSize); err != nil && err != io.EOF {
			return err
		}
		if h.dead || sum(content) == h.sum {
			return nil
		}
		return kill(f, *buf, h, offset)
	})
	if err != nil {
		return err
	}
	if err := cut(f, end); err != nil {
		return err
	}
	if !s.noSync {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	_, err = f.WriteAt(packHeader(true), 0)
	return err
}

// cut makes a dead record of what a pack has behind end. The pack does not become
// shorter: otherwise a Delete that has seen a header there would write behind its end.
func cut(f *os.File, end int64) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	rest := (max(0, info.Size()-end) + align - 1) &^ (align - 1)
	if err := f.Truncate(end); err != nil {
		return err
	}
	if err := f.Truncate(end + rest); err != nil || rest == 0 {
		return err
	}
	var b [headerSize]byte
	h := header{dead: true, space: uint32(rest)}
	h.encode(b[:], end)
	_, err = f.WriteAt(b[:], end)
	return err
}

// A run is a part of a pack in which nothing lives.
type run struct {
	offset, end int64
	records     int
}

// reclaim gives the space of dead records back to the file system, or the file
// if nothing lives in it.
func (s *Store) reclaim(f *os.File, id packID) error {
	var runs []run
	var alive int64
	walked, err := walk(f, func(offset int64, h header) error {
		end := offset + int64(h.space)
		switch last := len(runs) - 1; {
		case !h.dead:
			alive += int64(h.space)
		case last >= 0 && runs[last].end == offset:
			runs[last].end, runs[last].records = end, runs[last].records+1
		default:
			runs = append(runs, run{offset, end, 1})
		}
		return nil
	})
	if err != nil {
		return err
	}
	whole, err := endsAt(f, walked)
	if err != nil || !whole { // nobody knows what lives behind the damage, of which List tells
		return err
	}
	if alive == 0 {
		return remove(f.Name())
	}
	if err := s.join(f, runs); err != nil {
		return err
	}
	for _, r := range runs {
		if err := punch(f, r.offset+headerSize, r.end); err != nil {
			return err
		}
	}
	s.count(id, alive)
	return nil
}

// join makes one record of each run. The new headers are on the disk before the
// old ones behind them are punched away: a walk always finds its way.
func (s *Store) join(f *os.File, runs []run) error {
	var b [headerSize]byte
	joined := false
	for _, r := range runs {
		if r.records == 1 {
			continue
		}
		h := header{dead: true, space: uint32(r.end - r.offset)}
		h.encode(b[:], r.offset)
		if _, err := f.WriteAt(b[:], r.offset); err != nil {
			return err
		}
		joined = true
	}
	if joined && !s.noSync {
		return f.Sync()
	}
	return nil
}
