package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A builder makes the file system of a sandbox below a directory, its root to be.
type builder struct {
	root string
	own  []string // mount points below root that we have made, to be closed at the end
}

// build makes the file system and moves this process into it.
func (v *View) build() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount namespace: %w", err)
	}
	b := &builder{root: v.Scratch}
	if err := b.tmpfs("/", "mode=0755,size=16m"); err != nil {
		return err
	}
	for _, step := range []func() error{
		b.machine,
		func() error { return b.hide(v.Hide) },
		b.system,
		func() error { return b.places(v) },
		func() error { return b.hide(v.hiddenInShares()) },
		func() error { return b.accounts(v) },
		func() error { return b.show(v.Show) },
		b.seal,
		b.enter,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// hiddenInShares are hidden paths that are shown again with something around them.
func (v *View) hiddenInShares() []string {
	var again []string
	for _, path := range v.Hide {
		if slices.ContainsFunc(v.Share, func(share string) bool { return within(path, share) }) {
			again = append(again, path)
		}
	}
	return again
}

// at is where a path of the sandbox is now.
func (b *builder) at(path string) string { return filepath.Join(b.root, path) }

// tmpfs mounts an empty file system. It is writable until [builder.seal].
func (b *builder) tmpfs(path, options string) error {
	err := unix.Mount("tmpfs", b.at(path), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, options)
	if err != nil {
		return fmt.Errorf("empty %s: %w", path, err)
	}
	b.own = append(b.own, path)
	return nil
}

// bind shows source, and what is mounted below it, at path.
func (b *builder) bind(source, path string, set uint64) error {
	if err := unix.Mount(source, b.at(path), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("%s at %s: %w", source, path, err)
	}
	attr := &unix.MountAttr{Attr_set: set}
	if err := unix.MountSetattr(unix.AT_FDCWD, b.at(path), unix.AT_RECURSIVE, attr); err != nil {
		return fmt.Errorf("attributes of %s (Linux 5.12 has them): %w", path, err)
	}
	return nil
}

const (
	writable = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	readOnly = writable | unix.MOUNT_ATTR_RDONLY
	devices  = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
)

// private are directories of the root that a sandbox has its own of.
func private() []string {
	return []string{"proc", "sys", "dev", "run", "tmp", "home", "root", "lost+found"}
}

// machine shows the directories in the root of this machine, and the links there.
func (b *builder) machine() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := "/" + e.Name()
		switch {
		case slices.Contains(private(), e.Name()):
		case e.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, b.at(path)); err != nil {
				return err
			}
		case e.IsDir():
			if err := os.Mkdir(b.at(path), 0o755); err != nil {
				return err
			}
			if err := b.bind(path, path, readOnly); err != nil {
				return err
			}
		}
	}
	return nil
}

// hide covers directories and files. What is not there need not be hidden.
func (b *builder) hide(paths []string) error {
	for _, path := range outermost(paths) {
		info, err := os.Stat(b.at(path))
		switch {
		case path == "/":
			return errors.New("the root cannot be hidden")
		case err != nil:
			continue
		case info.IsDir():
			if err := b.tmpfs(path, "mode=0755,size=16m"); err != nil {
				return err
			}
		default:
			if err := b.bind(os.DevNull, path, readOnly); err != nil {
				return err
			}
		}
	}
	return nil
}

// outermost are the paths without links, and without those that are below another.
func outermost(paths []string) []string {
	var all, out []string
	for _, path := range paths {
		if real, err := filepath.EvalSymlinks(path); err == nil { // else it is not there, or not to be seen
			all = append(all, real)
		}
	}
	slices.Sort(all)
	for _, path := range all {
		if !slices.ContainsFunc(out, func(o string) bool { return within(path, o) }) {
			out = append(out, path)
		}
	}
	return out
}

// within says whether path is dir, or below it.
func within(path, dir string) bool {
	return strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/")
}

// system makes what programs expect of every system.
func (b *builder) system() error {
	for _, dir := range []string{"/proc", "/sys", "/dev", "/run", "/tmp", "/home", "/root"} {
		if err := os.Mkdir(b.at(dir), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("proc", b.at("/proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	if err := b.bind("/sys", "/sys", readOnly|unix.MOUNT_ATTR_NOEXEC); err != nil {
		return err
	}
	if err := b.tmpfs("/run", "mode=0755,size=16m"); err != nil {
		return err
	}
	if err := b.resolver(); err != nil {
		return err
	}
	return b.devices()
}

// resolver keeps /etc/resolv.conf readable where it is a link into /run.
func (b *builder) resolver() error {
	const file = "/etc/resolv.conf"
	real, err := filepath.EvalSymlinks(file)
	if err != nil || !strings.HasPrefix(real, "/run/") {
		return nil // it is there, or was not
	}
	text, err := os.ReadFile(real)
	if err != nil {
		return nil //nolint:nilerr // who may not read it cannot use it
	}
	if err := os.MkdirAll(b.at(filepath.Dir(real)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.at(real), text, 0o644)
}

// devices makes /dev: what everybody may use, and terminals of its own.
func (b *builder) devices() error {
	if err := unix.Mount("tmpfs", b.at("/dev"), "tmpfs", unix.MS_NOSUID|unix.MS_NOEXEC, "mode=0755,size=16m"); err != nil {
		return fmt.Errorf("/dev: %w", err)
	}
	b.own = append(b.own, "/dev")
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		path := "/dev/" + name
		if err := os.WriteFile(b.at(path), nil, 0o644); err != nil {
			return err
		}
		if err := b.bind(path, path, devices); err != nil {
			return err
		}
	}
	for name, target := range map[string]string{
		"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx",
	} {
		if err := os.Symlink(target, b.at("/dev/"+name)); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/dev/pts", "/dev/shm"} {
		if err := os.Mkdir(b.at(dir), 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("devpts", b.at("/dev/pts"), "devpts", unix.MS_NOSUID|unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"); err != nil {
		return fmt.Errorf("/dev/pts: %w", err)
	}
	if err := unix.Mount("tmpfs", b.at("/dev/shm"), "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777"); err != nil {
		return fmt.Errorf("/dev/shm: %w", err)
	}
	return nil
}

// places puts the directories of this process where it finds them.
func (b *builder) places(v *View) error {
	binds := slices.Concat(
		[]Bind{{v.Temp, "/tmp"}, {v.Temp, "/var/tmp"}, v.Home}, v.Binds,
	)
	for _, path := range v.Share {
		binds = append(binds, Bind{path, path})
	}
	for _, x := range binds {
		if x.Target == "/var/tmp" {
			if _, err := os.Stat(b.at(x.Target)); err != nil {
				continue // such a system has none
			}
		}
		if err := os.MkdirAll(b.at(x.Target), 0o755); err != nil {
			return err
		}
		if err := b.bind(x.Source, x.Target, writable); err != nil {
			return err
		}
	}
	return nil
}

// show makes directories visible that are below something hidden.
func (b *builder) show(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(b.at(path)); err == nil {
			continue
		}
		if err := os.MkdirAll(b.at(path), 0o755); err != nil {
			return err
		}
		if err := b.bind(path, path, readOnly); err != nil {
			return err
		}
	}
	return nil
}

// seal makes read-only what was made writable to build in it.
func (b *builder) seal() error {
	for _, path := range b.own {
		attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(unix.AT_FDCWD, b.at(path), 0, attr); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// enter makes root the root of this process, and the old one unreachable.
func (b *builder) enter() error {
	if err := unix.Chdir(b.root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("new root: %w", err)
	}
	return errors.Join(unix.Unmount(".", unix.MNT_DETACH), unix.Chdir("/"))
}
