package artifact

import (
	"bufio"
	"bytes"
	"compress/flate"
	"errors"
	"hash"
	"hash/crc32"
	"io"

	"github.com/understudy-ci/understudy/internal/actions"
)

const (
	stored   = 0
	deflated = 8

	encrypted = 1 // flag

	// Deflate makes at most 1032 bytes of one. Large files that come near it are
	// made to keep the server busy; who wants one gets it with the whole archive.
	maxRatio   = 1032
	largeRatio = 100
	largeFile  = 1 << 30 // bytes
)

// open returns the content of an entry, decompressed.
func (d *directory) open(e *entry) (io.Reader, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	at := d.base + e.offset
	h, err := readExactly(d.r, at, localHeaderSize)
	if err != nil {
		return nil, err
	}
	data := at + localHeaderSize + int64(le16(h[26:])) + int64(le16(h[28:]))
	if string(h[:4]) != localMark || data > d.offset || e.compressed > d.offset-data {
		return nil, badZip("an entry is not where it should be")
	}
	name, err := readExactly(d.r, at+localHeaderSize, int64(le16(h[26:])))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(name, e.name) || le16(h[8:]) != e.method {
		return nil, badZip("an entry is another one than its directory says")
	}
	var r io.Reader = bufio.NewReaderSize(io.NewSectionReader(d.r, data, e.compressed), dirBuffer)
	if e.method == deflated {
		r = flate.NewReader(r)
	}
	return &checked{r: r, left: e.size, sum: crc32.NewIEEE(), want: e.crc}, nil
}

// check says whether the entry is a file that can be served.
func (e *entry) check() error {
	switch {
	case e.kind() == Directory:
		return actions.Errorf(actions.NotFound, "it is a directory")
	case e.kind() == Symlink:
		return actions.Errorf(actions.Invalid, "it is a symbolic link")
	case e.flags&encrypted != 0:
		return actions.Errorf(actions.Invalid, "it is encrypted")
	case e.method != stored && e.method != deflated:
		return actions.Errorf(actions.Invalid, "it is compressed by an unknown method (%d)", e.method)
	case e.method == stored && e.size != e.compressed,
		e.size/maxRatio > e.compressed:
		return badZip("an entry cannot have the size that it declares")
	case e.size > largeFile && e.size/largeRatio > e.compressed:
		return actions.Errorf(actions.Invalid, "it is compressed too well to be opened alone: %d bytes from %d", e.size, e.compressed)
	}
	return nil
}

// checked reads as many bytes as were declared, and fails at the end if they are
// more, less or others.
type checked struct {
	r    io.Reader
	left int64
	sum  hash.Hash32
	want uint32
}

func (c *checked) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, c.end()
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	_, _ = c.sum.Write(p[:n]) // a hash never fails
	switch {
	case err == io.EOF && c.left > 0:
		return n, badZip("a file is shorter than declared")
	case err == io.EOF:
		return n, nil // the end is looked at next time
	}
	return n, damaged(err)
}

func (c *checked) end() error {
	var more [1]byte
	switch n, err := io.ReadFull(c.r, more[:]); {
	case n > 0:
		return badZip("a file is longer than declared")
	case err != io.EOF:
		return damaged(err)
	case c.sum.Sum32() != c.want:
		return badZip("a file has another checksum than declared")
	}
	return io.EOF
}

// damaged turns what decompression says of bad data into the error for it.
func damaged(err error) error {
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return badZip("a file is damaged")
	}
	return cut(err)
}
