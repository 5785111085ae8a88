package link

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// A Door is one that the worker finds by a file: what starts it can pass no socket on. Only the first who comes is let
// in, and the file is gone then: that is before the job has any process.
type Door struct {
	listener *net.UnixListener
	file     string
}

// socketName is the file in the directory of a door.
const socketName = "socket"

// network keeps the borders of messages.
const network = "unixpacket"

// NewDoor makes a door in a directory.
func NewDoor(dir string) (*Door, error) {
	d := &Door{file: filepath.Join(dir, socketName)}
	err := short(dir, func(dir string) (err error) {
		d.listener, err = net.ListenUnix(network, &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: network})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	d.listener.SetUnlinkOnClose(false) // by a name that is short only now
	return d, nil
}

// short calls do with a short name of a directory: those of sockets have a limit.
func short(dir string, do func(dir string) error) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return do(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
}

// Accept waits for the worker and returns the runner's end. The door is closed then, as when the worker ends before.
func (d *Door) Accept(ended <-chan struct{}) (outer *os.File, err error) {
	came := make(chan struct{})
	defer close(came)
	go func() {
		select {
		case <-ended:
			_ = d.listener.Close() // it is closed once more
		case <-came:
		}
	}()
	c, err := d.listener.AcceptUnix()
	if err != nil {
		return nil, errors.Join(ErrEnded, d.Close())
	}
	outer, err = c.File()
	return outer, errors.Join(err, c.Close(), d.Close())
}

// Close closes the door.
func (d *Door) Close() error {
	_ = d.listener.Close() // it may be closed
	return os.Remove(d.file)
}

// Enter goes through the door in a directory and returns the worker's end.
func Enter(dir string) (inner *os.File, err error) {
	c, err := net.DialUnix(network, nil, &net.UnixAddr{Name: filepath.Join(dir, socketName), Net: network})
	if err != nil {
		return nil, fmt.Errorf("door: %w", err)
	}
	inner, err = c.File()
	return inner, errors.Join(err, c.Close())
}
