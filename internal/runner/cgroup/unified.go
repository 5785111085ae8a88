package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The files of a group of version 2 that say which controllers it has, and which of
// them those below it have.
const (
	controllersFile = "cgroup.controllers"
	subtreeFile     = "cgroup.subtree_control"
	typeFile        = "cgroup.type" // which the root of the whole tree does not have
)

// leaf is the group that processes get which were in one that is to have groups with
// limits. The name is no parent's: nobody removes it while they live.
const leaf = "understudy"

// versionTwo is where groups with controllers of version 2 may be made.
func (s System) versionTwo(need []controller) (dir string, err error) {
	trees := s.trees()
	i := slices.IndexFunc(trees, func(t tree) bool { return t.version == two })
	if i < 0 {
		return "", errNone
	}
	own, err := trees[i].dir(s.own(trees[i]))
	if err != nil {
		return "", err
	}
	var errs []error
	for _, c := range s.candidates(trees[i].point, own) {
		if err := c.ready(need); err != nil {
			errs = append(errs, err)
			continue
		}
		return c.dir, nil
	}
	if len(errs) == 0 {
		errs = append(errs, fmt.Errorf("%s was not handed over to this user: systemd does that with Delegate=yes", own))
	}
	return "", errors.Join(errs...)
}

// A candidate is a group that others may be made in, perhaps.
type candidate struct {
	dir   string
	empty bool // its processes may be moved
}

func (s System) candidates(point, own string) []candidate {
	var all []candidate
	if around := filepath.Dir(own); own != point && s.delegated(around) {
		all = append(all, candidate{around, false})
	}
	_, err := os.Stat(filepath.Join(own, typeFile))
	namespace := own == point && err == nil // a container's own tree
	if s.delegated(own) || namespace && s.root {
		all = append(all, candidate{own, true})
	}
	if s.root && !namespace {
		all = append(all, candidate{point, false})
	}
	return all
}

// ready makes groups with controllers possible.
func (c candidate) ready(need []controller) error {
	if err := mayWrite(c.dir); err != nil {
		return err
	}
	err := enable(c.dir, need)
	if c.empty && errors.Is(err, syscall.EBUSY) {
		if err := vacate(c.dir); err != nil {
			return err
		}
		err = enable(c.dir, need)
	}
	return err
}

// enable gives controllers to the groups below a group that has them.
func enable(dir string, need []controller) error {
	has, err := words(filepath.Join(dir, controllersFile))
	if err != nil {
		return err
	}
	gives, err := words(filepath.Join(dir, subtreeFile))
	if err != nil {
		return err
	}
	var missing []string
	for _, c := range need {
		switch {
		case !slices.Contains(has, string(c)):
			return fmt.Errorf("cgroup %s does not have the controller %s", dir, c)
		case !slices.Contains(gives, string(c)):
			missing = append(missing, "+"+string(c))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return write(filepath.Join(dir, subtreeFile), strings.Join(missing, " "))
}

func words(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cgroup: %w", err)
	}
	return strings.Fields(string(text)), nil
}

// vacate moves the processes of a group to one below it. They may be starting others.
func vacate(dir string) error {
	below := filepath.Join(dir, leaf)
	if err := os.Mkdir(below, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cgroup: %w", err)
	}
	const tries = 10
	for range tries {
		numbers, err := processes(dir)
		if err != nil || len(numbers) == 0 {
			return err
		}
		for _, pid := range numbers {
			if err := move(pid, below); err != nil && !errors.Is(err, syscall.ESRCH) { // it has ended
				return err
			}
		}
	}
	return nil
}
