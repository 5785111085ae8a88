package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A System is what a process has of cgroups.
type System struct {
	groups string // /proc/self/cgroup
	mounts string // /proc/self/mountinfo
	root   bool   // the process is root's
	// delegated says that the owner of a directory has handed it over.
	delegated func(dir string) bool
}

// This is the system of this process. One that has no cgroups has nothing there.
func This() System {
	groups, _ := os.ReadFile("/proc/self/cgroup") // none if it cannot be read
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	return System{groups: string(groups), mounts: string(mounts), root: os.Getuid() == 0, delegated: delegated}
}

// A tree is a hierarchy of groups, and where it is mounted.
type tree struct {
	controllers []string // of version 1
	version     version
	root        string // the group that is at the mount point
	point       string // the mount point
}

// trees are those that are mounted.
func (s System) trees() []tree {
	var all []tree
	for line := range strings.Lines(s.mounts) { // 36 35 98:0 /root /point options … - type source superoptions
		before, after, ok := strings.Cut(line, " - ")
		mount, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(mount) < 5 || len(kind) < 3 {
			continue
		}
		t := tree{root: unescape(mount[3]), point: unescape(mount[4])}
		switch kind[0] {
		case "cgroup":
			t.version, t.controllers = one, strings.Split(kind[2], ",")
		case "cgroup2":
			t.version = two
		default:
			continue
		}
		all = append(all, t)
	}
	return all
}

// unescape is a path as mountinfo has it: some characters are octal there.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// own is the group that this process is in, in a tree: "" if it is in none.
func (s System) own(t tree) string {
	for line := range strings.Lines(s.groups) { // 4:memory:/path, and of version 2 0::/path
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) < 3 {
			continue
		}
		controllers := strings.Split(parts[1], ",")
		if t.version == two && parts[0] == "0" || t.version == one && slices.Contains(t.controllers, controllers[0]) && controllers[0] != "" {
			return parts[2]
		}
	}
	return ""
}

// dir is the directory of a group: an error if it cannot be seen.
func (t tree) dir(group string) (string, error) {
	below, ok := strings.CutPrefix(group+"/", strings.TrimSuffix(t.root, "/")+"/")
	if !ok || group == "" || strings.Contains(group+"/", "/../") { // it is above what this process may see
		return "", fmt.Errorf("the cgroup of this process, %s, cannot be seen in %s", group, t.point)
	}
	return filepath.Join(t.point, below), nil
}

// errNone says that there is no controller for a limit.
var errNone = errors.New("this system has no cgroups that do this")

// places are directories where groups may be made that have all of the controllers.
func (s System) places(need []controller) (places []branch, err error) {
	var unified []controller
	for _, c := range need {
		switch dir, err := s.versionOne(c); {
		case errors.Is(err, errNone):
			unified = append(unified, c)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", c, err)
		default:
			places = with(places, dir, c)
		}
	}
	if len(unified) == 0 {
		return places, nil
	}
	dir, err := s.versionTwo(unified)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", join(unified, ", "), err)
	}
	return append(places, branch{dir: dir, version: two, controllers: unified}), nil
}

// with adds a controller of version 1: some share a tree.
func with(places []branch, dir string, c controller) []branch {
	for i := range places {
		if places[i].dir == dir {
			places[i].controllers = append(places[i].controllers, c)
			return places
		}
	}
	return append(places, branch{dir: dir, version: one, controllers: []controller{c}})
}

// versionOne is where groups with a controller of version 1 may be made: in the
// group of this process.
func (s System) versionOne(c controller) (dir string, err error) {
	for _, t := range s.trees() {
		if t.version != one || !slices.Contains(t.controllers, string(c)) {
			continue
		}
		dir, err := t.dir(s.own(t))
		if err == nil {
			err = mayWrite(dir)
		}
		return dir, err
	}
	return "", errNone
}

// mayWrite says whether directories may be made in a directory.
func mayWrite(dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return &os.PathError{Op: "write", Path: dir, Err: err}
	}
	return nil
}

func join(all []controller, between string) string {
	var names []string
	for _, c := range all {
		names = append(names, string(c))
	}
	return strings.Join(names, between)
}
