package artifact

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"math"
	"slices"

	"github.com/understudy-ci/understudy/internal/actions"
)

// A directory is the central directory of a zip archive: where its entries are.
// It is read as a stream, because an archive of a gigabyte may declare millions of
// entries, and archive/zip would keep them all. The format is PKWARE's APPNOTE.
type directory struct {
	r       io.ReaderAt
	base    int64 // where the archive begins: something may stand before it
	offset  int64 // of the directory, from the start of r
	size    int64 // bytes
	records int   // entries, as declared
	wide    bool  // records is exact, and not the lowest 16 bits
}

const (
	endSize         = 22
	end64Size       = 56
	locatorSize     = 20
	headerSize      = 46
	localHeaderSize = 30
	maxComment      = math.MaxUint16

	endMark     = "PK\x05\x06"
	end64Mark   = "PK\x06\x06"
	locatorMark = "PK\x06\x07"
	headerMark  = "PK\x01\x02"
	localMark   = "PK\x03\x04"

	maxDirectory = 256 << 20 // bytes
	dirBuffer    = 64 << 10
)

func badZip(why string) error {
	return actions.Errorf(actions.Invalid, "not a valid zip archive: %s", why)
}

// readExactly reads n bytes at off. Bytes that are not there make the archive
// invalid; another error is that of the storage.
func readExactly(r io.ReaderAt, off, n int64) ([]byte, error) {
	if off < 0 {
		return nil, badZip("an offset is negative")
	}
	b := make([]byte, n)
	if got, err := r.ReadAt(b, off); got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			return nil, badZip("it is cut off")
		}
		return nil, err
	}
	return b, nil
}

// findDirectory looks for the end of the archive, which says where the directory
// is.
func findDirectory(r io.ReaderAt, size int64) (*directory, error) {
	if size < endSize {
		return nil, badZip("it is too short")
	}
	n := min(size, endSize+maxComment)
	tail, err := readExactly(r, size-n, n)
	if err != nil {
		return nil, err
	}
	at := findEnd(tail)
	if at < 0 {
		return nil, badZip("it has no end record")
	}
	end, endAt := tail[at:], size-n+int64(at)
	d := &directory{r: r, records: int(le16(end[10:])), size: int64(le32(end[12:])), offset: int64(le32(end[16:]))}
	if le16(end[10:]) == math.MaxUint16 || d.size == math.MaxUint32 || d.offset == math.MaxUint32 {
		if endAt, err = d.findEnd64(endAt); err != nil {
			return nil, err
		}
	}
	d.base = endAt - d.size - d.offset
	if d.size < 0 || d.offset < 0 || d.size > maxDirectory || d.base < 0 || d.base > size {
		return nil, badZip("its directory is not where it should be")
	}
	d.offset += d.base
	return d, nil
}

// findEnd returns where the end record is whose comment reaches to the end.
func findEnd(tail []byte) int {
	for at := len(tail) - endSize; at >= 0; at-- {
		at = bytes.LastIndex(tail[:at+len(endMark)], []byte(endMark))
		if at < 0 || at+endSize+int(le16(tail[at+20:])) == len(tail) {
			return at
		}
	}
	return -1
}

// findEnd64 reads the larger end record, if there is one before endAt, and returns
// where that is.
func (d *directory) findEnd64(endAt int64) (int64, error) {
	if endAt < locatorSize {
		return endAt, nil
	}
	locator, err := readExactly(d.r, endAt-locatorSize, locatorSize)
	if err != nil || string(locator[:4]) != locatorMark {
		return endAt, err // 65535 entries need none
	}
	at := int64(le64(locator[8:])) // readExactly refuses what is negative
	end, err := readExactly(d.r, at, end64Size)
	if err != nil {
		return 0, err
	}
	records, size, offset := le64(end[32:]), le64(end[40:]), le64(end[48:])
	if string(end[:4]) != end64Mark || size > maxDirectory || offset > math.MaxInt64 || records > maxDirectory/headerSize {
		return 0, badZip("its directory is too large")
	}
	d.records, d.size, d.offset, d.wide = int(records), int64(size), int64(offset), true
	return at, nil
}

// An entry is one record of the directory.
type entry struct {
	name       []byte // as it is stored
	unix       bool   // mode is a Unix file mode
	mode       uint32
	flags      uint16
	method     uint16
	crc        uint32
	compressed int64 // bytes
	size       int64 // bytes
	offset     int64 // of the local header, from the start of the archive

	buf []byte // that the next entry is read into
}

func (e *entry) kind() FileType {
	const format, symlink, folder = 0o170000, 0o120000, 0o040000
	switch {
	case e.unix && e.mode&format == symlink:
		return Symlink
	case e.unix && e.mode&format == folder, len(e.name) > 0 && e.name[len(e.name)-1] == '/':
		return Directory
	}
	return Regular
}

// entries yields the entries in the order of the directory. It ends after an
// error. An entry is valid until the next one.
func (d *directory) entries() iter.Seq2[*entry, error] {
	return func(yield func(*entry, error) bool) {
		r := bufio.NewReaderSize(io.NewSectionReader(d.r, d.offset, d.size), dirBuffer)
		var e entry
		for n := 0; ; n++ {
			if _, err := r.Peek(1); errors.Is(err, io.EOF) {
				if d.wide && n != d.records || uint16(n) != uint16(d.records) {
					yield(nil, badZip("its directory has not as many entries as it says"))
				}
				return
			}
			if err := e.read(r); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&e, nil) {
				return
			}
		}
	}
}

func (e *entry) read(r *bufio.Reader) error {
	h, err := r.Peek(headerSize)
	if err != nil {
		return cut(err)
	}
	if string(h[:4]) != headerMark {
		return badZip("its directory is damaged")
	}
	const unix, macOS = 3, 19
	*e = entry{
		buf:  e.buf,
		unix: h[5] == unix || h[5] == macOS, mode: le32(h[38:]) >> 16,
		flags: le16(h[8:]), method: le16(h[10:]), crc: le32(h[16:]),
		compressed: int64(le32(h[20:])), size: int64(le32(h[24:])), offset: int64(le32(h[42:])),
	}
	name, extra, comment := int(le16(h[28:])), int(le16(h[30:])), int(le16(h[32:]))
	if _, err := r.Discard(headerSize); err != nil {
		return cut(err)
	}
	e.buf = slices.Grow(e.buf[:0], name+extra)[:name+extra]
	if _, err := io.ReadFull(r, e.buf); err != nil {
		return cut(err)
	}
	if _, err := r.Discard(comment); err != nil {
		return cut(err)
	}
	e.name = e.buf[:name]
	return e.widen(e.buf[name:])
}

// widen takes the sizes that did not fit from the extra field for them.
func (e *entry) widen(extra []byte) error {
	const zip64 = 1
	for len(extra) >= 4 {
		id, n := le16(extra), int(le16(extra[2:]))
		if extra = extra[4:]; n > len(extra) {
			break // other programs write such things, too
		}
		if id == zip64 {
			if err := e.widenFrom(extra[:n]); err != nil {
				return err
			}
		}
		extra = extra[n:]
	}
	return nil
}

func (e *entry) widenFrom(field []byte) error {
	for _, v := range []*int64{&e.size, &e.compressed, &e.offset} {
		if *v != math.MaxUint32 {
			continue
		}
		if len(field) < 8 || le64(field) > math.MaxInt64 {
			return badZip("its directory is damaged")
		}
		*v = int64(le64(field))
		field = field[8:]
	}
	return nil
}

// cut turns the early end of an archive into the error for it.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return badZip("it is cut off")
	}
	return err
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
