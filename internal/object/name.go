package object

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/understudy-ci/understudy/internal/actions"
)

// Names of blocks in the store. A client's own name may have any bytes and is
// quoted; the first letter keeps the three kinds apart.
const (
	wholeName  = "" // the block of an object that came in one piece
	clientMark = "="
	rangeMark  = "@"
	maxName    = 128 // bytes of a client's name
)

func clientName(name string) (string, error) {
	if name == "" || len(name) > maxName {
		return "", actions.Errorf(actions.Malformed, "the name of a block has 1 to %d bytes, not %d", maxName, len(name))
	}
	q := strconv.QuoteToASCII(name) // injective, also for bytes that are no text
	return clientMark + q[1:len(q)-1], nil
}

func rangeName(offset int64) string { return rangeMark + strconv.FormatInt(offset, 10) }

// offsetOf is the offset that is in a name of rangeName.
func offsetOf(name string) (offset int64, ok bool) {
	text, ok := strings.CutPrefix(name, rangeMark)
	if !ok {
		return 0, false
	}
	offset, err := strconv.ParseInt(text, 10, 64)
	return offset, err == nil
}

// indexOf guesses the position of a block in its object, from 0, by the names that
// clients give: base64 of 48 characters, the last of which count (Azure's SDK for
// JavaScript), or of 64 bytes with a number after a UUID (the one for Go).
func indexOf(name string) (index int64, ok bool) {
	const digits, uuid, number = 6, 16, 4
	raw, err := base64.StdEncoding.DecodeString(name)
	if err != nil {
		raw = []byte(name)
	}
	if len(raw) == 64 && strings.Trim(string(raw[uuid+number:]), "\x00") == "" {
		return int64(binary.BigEndian.Uint32(raw[uuid:])), true
	}
	if len(raw) < digits {
		return 0, false
	}
	tail := string(raw[len(raw)-digits:])
	if strings.Trim(tail, "0123456789") != "" {
		return 0, false
	}
	index, err = strconv.ParseInt(tail, 10, 64)
	return index, err == nil
}
