package container

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// real is where a directory of the job is on this machine. It refuses what is reached by a link:
// the job could have it point anywhere. With [Config.Pin] the path leads to what is there now,
// whatever the job puts in its place before the engine looks.
func (d *Docker) real(seen string) (string, error) {
	clean := filepath.Clean(seen)
	for _, p := range d.Places {
		rest, ok := strings.CutPrefix(clean, p.Seen)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		path := filepath.Join(p.Real, rest)
		err := noLinks(p.Real, rest)
		if rest = strings.Trim(rest, "/"); err == nil && d.Pin && rest != "" {
			path, err = d.pin(p.Real, rest)
		}
		if err != nil {
			return "", Error(fmt.Sprintf("'%s' cannot be shown to a container: %v", seen, err))
		}
		return path, nil
	}
	return "", Error(fmt.Sprintf("'%s' cannot be shown to a container: it is not a directory of the job.", seen))
}

var errLink = errors.New("it is a symbolic link, or below one")

// noLinks says whether a path below root goes through symbolic links.
func noLinks(root, rest string) error {
	path := root
	for part := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
		if part == "" {
			continue
		}
		path = filepath.Join(path, part)
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return errors.Unwrap(err)
		case info.Mode()&os.ModeSymlink != 0:
			return errLink
		}
	}
	return nil
}

// A pin is a file or directory of the job, mounted where the job cannot reach it: what the job puts in its place is not
// there. It stays as long as the job, as a container that is created is started later.
type pin struct{ name, path string }

// maxPins is how many a job may need. One that wants more has its containers without end.
const maxPins = 1000

// pinsDir is the directory of pins in the scratch directory.
const pinsDir = "shown"

func (d *Docker) pin(root, rest string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pins) == maxPins {
		return "", errors.New("the job has shown too many directories to containers")
	}
	dir := filepath.Join(d.Scratch, pinsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	p := pin{filepath.Join(dir, strconv.Itoa(len(d.pins))), filepath.Join(root, rest)}
	if err := mountBelow(root, rest, p.name); err != nil {
		return "", err
	}
	d.pins = append(d.pins, p)
	return p.name, nil
}

// unpinned are arguments with the paths that people know.
func (d *Docker) unpinned(args []string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pins) == 0 {
		return args
	}
	list := make([]string, 0, len(args))
	for _, a := range args {
		for _, p := range d.pins {
			if rest, ok := strings.CutPrefix(a, p.name); ok && (rest == "" || rest[0] == ':') {
				a = p.path + rest
			}
		}
		list = append(list, a)
	}
	return list
}

// unpin lets go of what the job has shown.
func (d *Docker) unpin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.pins) == 0 {
		return nil
	}
	d.pins = nil
	return removePins(d.Scratch)
}

// removePins unmounts what a scratch directory has of jobs, which is theirs, and must not be removed with it.
func removePins(scratch string) error {
	dir := filepath.Join(scratch, pinsDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		err = errors.Join(err, unmount(name), os.Remove(name)) // a directory with something in it stays
	}
	return errors.Join(err, os.Remove(dir))
}
