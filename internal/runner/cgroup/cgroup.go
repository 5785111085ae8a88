// Package cgroup limits what the processes of a job use together: memory, time of
// processors, and how many they are.
//
// [Settle] says which limits there can be on this machine. A runner that has some
// makes a [Parent], and in it a [Group] for each job, which the first process of the
// job gets into before it starts others. When the job has ended the group says which
// limits it met, and is removed.
//
// Of version 1 each controller has a tree of its own, and groups are made in the
// group that this process is in. Of version 2 all have one tree, and a group with
// limits for those below it holds no process. So groups are made, in this order,
// beside the one that this process is in, or in it, where the group around them was
// handed over to be used like that (systemd's Delegate=yes; without root: by its
// owner), or below the root of the tree, which only root may do. Where both versions
// are there, each controller is used where it is.
//
// A group is a directory, and so is a parent. Nobody removes them but this program:
// whoever makes a parent writes down [Parent.Dirs] before, and [Remove] takes what a
// process that was killed has left.
package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// prefix begins the name of each parent.
const prefix = "understudy-"

// A Parent is where the groups of one runner are.
type Parent struct {
	limits   Limits
	branches []branch
}

// A branch is a directory of a parent: each tree has one, with the controllers there.
type branch struct {
	dir         string
	version     version
	controllers []controller
}

// Find finds places for groups with the limits. It makes nothing but room: where a
// group of version 2 that was handed over holds processes, they get one below it.
func Find(s System, l Limits) (*Parent, error) {
	p := &Parent{limits: l}
	name := prefix + uuid.NewString()
	places, err := s.places(l.controllers())
	if err != nil {
		return nil, err
	}
	for _, b := range places {
		b.dir = filepath.Join(b.dir, name)
		p.branches = append(p.branches, b)
	}
	return p, nil
}

// Dirs are the directories that [Parent.Open] makes.
func (p *Parent) Dirs() []string {
	var dirs []string
	for _, b := range p.branches {
		dirs = append(dirs, b.dir)
	}
	return dirs
}

// Open makes the parent.
func (p *Parent) Open() error {
	for _, b := range p.branches {
		if err := os.Mkdir(b.dir, 0o755); err != nil {
			return fmt.Errorf("cgroup: %w", err)
		}
		if b.version == two {
			if err := enable(b.dir, b.controllers); err != nil {
				return err
			}
		}
	}
	return nil
}

// Make makes a group; its name is one that no other in this parent has.
func (p *Parent) Make(name string) (*Group, error) {
	g := &Group{}
	for _, b := range p.branches {
		b.dir = filepath.Join(b.dir, name)
		if err := os.Mkdir(b.dir, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("cgroup: %w", err), g.Remove())
		}
		g.branches = append(g.branches, b)
		for _, c := range b.controllers {
			if err := p.limits.set(b.dir, c, b.version); err != nil {
				return nil, errors.Join(err, g.Remove())
			}
		}
	}
	return g, nil
}

// Close removes the parent.
func (p *Parent) Close() error { return Remove(p.Dirs()) }

// Settle says which limits groups can have here: those that are asked for, or an
// error that says why not. Where nobody has said how many processes a job may have,
// that is [StandardProcesses], unless there can be no such limit.
func Settle(s System, l Limits) (Limits, error) {
	if err := l.Check(); err != nil {
		return Limits{}, err
	}
	if l.Processes == Unsaid {
		if l.Processes = StandardProcesses; try(s, l) == nil {
			return l, nil
		}
		l.Processes = 0
	}
	if err := try(s, l); err != nil {
		return Limits{}, fmt.Errorf("%s: no such limit can be set here: %w", l.Flags(), err)
	}
	return l, nil
}

// try makes a group and removes it.
func try(s System, l Limits) error {
	p, err := Find(s, l)
	if err != nil {
		return err
	}
	err = p.Open()
	if err == nil {
		_, err = p.Make("try")
	}
	return errors.Join(err, p.Close())
}
