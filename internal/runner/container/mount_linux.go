package container

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountBelow mounts what is at a path below root, and reached through no link, at another place, which it makes.
func mountBelow(root, rest, at string) error {
	dir, err := os.Open(root)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer dir.Close()
	fd, err := unix.Openat2(int(dir.Fd()), rest, &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	switch {
	case errors.Is(err, unix.ELOOP):
		return errLink
	case err != nil:
		return err
	}
	f := os.NewFile(uintptr(fd), rest)
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return errors.Unwrap(err)
	case info.IsDir():
		err = os.Mkdir(at, 0o700)
	default:
		err = os.WriteFile(at, nil, 0o600)
	}
	if err == nil {
		err = unix.Mount(fmt.Sprintf("/proc/self/fd/%d", fd), at, "", unix.MS_BIND|unix.MS_REC, "")
	}
	return err
}

// unmount unmounts a place. One where nothing is mounted stays as it is.
func unmount(at string) error {
	err := unix.Unmount(at, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

// SharesMounts says whether this process may mount something so that the engine of a program sees it: docker's is asked
// who it is.
func SharesMounts(program string, env []string) bool {
	if os.Getuid() != 0 || program == "" {
		return false
	}
	host := ""
	for _, entry := range env {
		name, value, _ := strings.Cut(entry, "=")
		switch name {
		case "DOCKER_HOST":
			host = value
		case "CONTAINER_HOST", "DOCKER_CONTEXT":
			return false
		}
	}
	if strings.Contains(filepath.Base(program), "podman") {
		return true
	}
	if host == "" {
		host = "unix://" + socket
	}
	path, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		return false
	}
	pid, err := peer(path)
	if err != nil {
		return false
	}
	theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
	ours, own := os.Readlink("/proc/self/ns/mnt")
	return err == nil && own == nil && theirs == ours
}

// peer is the process that listens at a socket.
func peer(path string) (pid int32, err error) {
	c, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var asked error
	err = raw.Control(func(fd uintptr) { cred, asked = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, asked); err != nil {
		return 0, err
	}
	return cred.Pid, nil
}
