package fs

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"github.com/understudy-ci/understudy/internal/blob"
)

const (
	smallMax   = 32 << 10 // a longer blob is a file of its own
	headerSize = 64       // of a record and of a pack
	align      = 64       // where records begin
	packMax    = 64 << 20 // a longer pack takes no more

	idBytes  = 10
	tagBytes = 9
)

var (
	keyEncoding = base32.NewEncoding(blob.KeyLetters).WithPadding(base32.NoPadding)
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
)

// A packID names a pack.
type packID [idBytes]byte

func (id packID) name() string { return keyEncoding.EncodeToString(id[:]) }

// A location is where a small blob is. The key is this and nothing else: 25 bytes
// as 40 letters, of which the first 16 are the name of the pack.
type location struct {
	Pack   packID
	Offset uint32 // of the record in the pack
	Size   uint16 // of the blob
	Tag    [tagBytes]byte
}

const (
	locationBytes = idBytes + 4 + 2 + tagBytes
	locationSize  = locationBytes * 8 / 5 // letters of the key
)

// newLocation makes a location whose pack and offset are still to be set.
func newLocation(size int) location {
	at := location{Size: uint16(size)}
	_, _ = rand.Read(at.Tag[:]) // never fails
	return at
}

func (at location) key() string {
	b := make([]byte, 0, locationBytes)
	b = append(b, at.Pack[:]...)
	b = binary.BigEndian.AppendUint32(b, at.Offset)
	b = binary.BigEndian.AppendUint16(b, at.Size)
	b = append(b, at.Tag[:]...)
	return keyEncoding.EncodeToString(b)
}

// parseLocation reads a key. What it returns can only lead into a pack.
func parseLocation(key string) (at location, ok bool) {
	if len(key) != locationSize || strings.Trim(key, blob.KeyLetters) != "" {
		return at, false
	}
	b, err := keyEncoding.DecodeString(key)
	if err != nil {
		return at, false
	}
	copy(at.Pack[:], b)
	b = b[idBytes:]
	at.Offset, at.Size = binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])
	copy(at.Tag[:], b[6:])
	return at, at.Size <= smallMax && at.Offset >= headerSize && at.Offset%align == 0 && at.Offset <= packMax
}

// spaceOf is how many bytes of a pack a blob of n bytes takes, header and padding
// included.
func spaceOf(n int) int64 { return (headerSize + int64(n) + align - 1) &^ (align - 1) }

// A header stands before each record:
//
//	 0  "UBR1"
//	 4  1 while the record lives, 2 once it is dead
//	 8  length of the blob
//	12  length of the record with header and padding. The header of a dead record
//	    may have swallowed the dead ones behind it
//	16  time of Put, Unix microseconds
//	24  tag
//	36  CRC-32C of the blob
//	40  CRC-32C of bytes 0 to 40 without byte 4, and of the record's location
//
// Numbers are little-endian; what is not named is 0.
type header struct {
	dead  bool
	size  uint32
	space uint32
	time  int64
	tag   [tagBytes]byte
	sum   uint32 // of the blob
}

const (
	recordMagic = "UBR1"
	living      = 1
	dead        = 2
	stateByte   = 4
	sumAt       = 40
)

// encode writes the header of the record at offset to b.
func (h *header) encode(b []byte, offset int64) {
	clear(b[:headerSize])
	copy(b, recordMagic)
	b[stateByte] = living
	if h.dead {
		b[stateByte] = dead
	}
	binary.LittleEndian.PutUint32(b[8:], h.size)
	binary.LittleEndian.PutUint32(b[12:], h.space)
	binary.LittleEndian.PutUint64(b[16:], uint64(h.time))
	copy(b[24:], h.tag[:])
	binary.LittleEndian.PutUint32(b[36:], h.sum)
	binary.LittleEndian.PutUint32(b[sumAt:], headerSum(b, offset))
}

// decodeHeader reads the header of a record at offset. It is not ok when there
// is none, or a damaged one.
func decodeHeader(b []byte, offset int64) (h header, ok bool) {
	if string(b[:len(recordMagic)]) != recordMagic || binary.LittleEndian.Uint32(b[sumAt:]) != headerSum(b, offset) {
		return h, false
	}
	h.dead = b[stateByte] != living
	h.size = binary.LittleEndian.Uint32(b[8:])
	h.space = binary.LittleEndian.Uint32(b[12:])
	h.time = int64(binary.LittleEndian.Uint64(b[16:]))
	copy(h.tag[:], b[24:])
	h.sum = binary.LittleEndian.Uint32(b[36:])
	return h, h.size <= smallMax && h.space%align == 0 && int64(h.space) >= spaceOf(int(h.size))
}

func headerSum(b []byte, offset int64) uint32 {
	var where [8]byte
	binary.LittleEndian.PutUint64(where[:], uint64(offset))
	sum := crc32.Update(0, castagnoli, b[:stateByte])
	sum = crc32.Update(sum, castagnoli, b[stateByte+1:sumAt])
	return crc32.Update(sum, castagnoli, where[:])
}

// is tells whether the header is of the record at a location, and matches, whether
// it is and lives.
func (h *header) is(at location) bool {
	return h.size == uint32(at.Size) && h.tag == at.Tag && int64(h.space) == spaceOf(int(at.Size))
}

func (h *header) matches(at location) bool { return !h.dead && h.is(at) }

// info describes the record at offset of a pack.
func (h *header) info(id packID, offset int64) blob.Info {
	at := location{Pack: id, Offset: uint32(offset), Size: uint16(h.size), Tag: h.tag}
	return blob.Info{Key: at.key(), Size: int64(h.size), ModTime: time.UnixMicro(h.time)}
}

const (
	packMagic  = "understudy blob pack 1\n"
	sealedByte = headerSize - 1
)

// packHeader is what a pack begins with.
func packHeader(sealed bool) []byte {
	b := make([]byte, headerSize)
	copy(b, packMagic)
	if sealed {
		b[sealedByte] = 1
	}
	return b
}

// decodePackHeader tells whether b begins a pack, and a sealed one.
func decodePackHeader(b []byte) (sealed, ok bool) {
	return b[sealedByte] == 1, bytes.HasPrefix(b, []byte(packMagic))
}
