//go:build !linux

package container

import "errors"

// mountBelow needs Linux, as everything that keeps jobs from the machine does.
func mountBelow(string, string, string) error { return errors.ErrUnsupported }

func unmount(string) error { return nil }

// SharesMounts says whether this process may mount something so that the engine of a program sees it.
func SharesMounts(string, []string) bool { return false }
