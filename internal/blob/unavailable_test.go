package blob_test

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/understudy-ci/understudy/internal/actions"
	"github.com/understudy-ci/understudy/internal/blob"
)

// Threat: storage credentials visible in an error. Nor are its files and hosts: who
// answers clients prints the innermost error with the Kind.
func TestClientsAreNotToldWhereBlobsAre(t *testing.T) {
	cause := &fs.PathError{Op: "write", Path: "/srv/blobs/tmp/put-1", Err: syscall.ENOSPC}
	err := fmt.Errorf("object 1: %w", blob.Unavailable("no space", cause))
	if want := "object 1: no space: write /srv/blobs/tmp/put-1: no space left on device"; err.Error() != want {
		t.Errorf("the log says %q, want %q", err, want)
	}
	if actions.KindOf(err) != actions.Unavailable || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v is not of a full disk", err)
	}
	inner := err
	for next := errors.Unwrap(inner); actions.KindOf(next) == actions.Unavailable; next = errors.Unwrap(inner) {
		inner = next
	}
	if inner.Error() != "no space" {
		t.Errorf("clients are told %q", inner)
	}
}
