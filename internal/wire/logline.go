package wire

import (
	"bytes"
	"time"
)

// LogTime is the layout of the time with which each line of a step's log
// begins. A space follows it.
const LogTime = "2006-01-02T15:04:05.0000000Z"

// AppendLogTime appends t and a space: the beginning of a line of a log.
func AppendLogTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(b, LogTime), ' ')
}

// CutLogTime is a line of a log without its time and the space behind it.
// Other runners write fewer digits than [LogTime]. A line that begins with
// something else is returned as it is.
func CutLogTime(line []byte) []byte {
	end := bytes.IndexByte(line[:min(len(line), len(LogTime)+1)], ' ')
	if end < len("2006-01-02T15:04:05Z") || line[4] != '-' || line[7] != '-' || line[10] != 'T' || line[13] != ':' || line[16] != ':' || line[end-1] != 'Z' {
		return line
	}
	for _, c := range line[:end] {
		switch {
		case '0' <= c && c <= '9', c == '-', c == ':', c == '.', c == 'T', c == 'Z':
		default:
			return line
		}
	}
	return line[end+1:]
}

// TimeOfLog is the time with which a line of a log begins; ok is false for a line
// without one.
func TimeOfLog(line []byte) (t time.Time, ok bool) {
	rest := CutLogTime(line)
	if len(rest) == len(line) {
		return t, false
	}
	err := t.UnmarshalText(line[:len(line)-len(rest)-1])
	return t, err == nil
}
